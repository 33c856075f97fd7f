"""The variables of App Mesh's image and agent, and what has become of each.

https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-config.html and the list in
https://github.com/aws/amazon-ecs-service-connect-agent. Our own begin with TEAL_.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

KEPT = (
    "APPMESH_RESOURCE_ARN",
    "APPMESH_RESOURCE_NAME",
    "APPMESH_VIRTUAL_NODE_NAME",
    "APPMESH_RESOURCE_CLUSTER",
    "APPMESH_XDS_ENDPOINT",
    "APPMESH_SDS_SOCKET_PATH",
    "APPNET_AGENT_ADMIN_MODE",
    "APPNET_AGENT_ADMIN_UDS_PATH",
    "APPNET_AGENT_HTTP_PORT",
    "APPNET_ENVOY_RESTART_COUNT",
    "AWS_XRAY_DAEMON_ADDRESS",
    "DATADOG_TRACER_ADDRESS",
    "DATADOG_TRACER_PORT",
    "DD_SERVICE",
    "ENABLE_ENVOY_DATADOG_TRACING",
    "ENABLE_ENVOY_DOG_STATSD",
    "ENABLE_ENVOY_JAEGER_TRACING",
    "ENABLE_ENVOY_STATS_TAGS",
    "ENABLE_ENVOY_XRAY_TRACING",
    "ENVOY_CONCURRENCY",
    "ENVOY_CONFIG_FILE",
    "ENVOY_INITIAL_FETCH_TIMEOUT",
    "ENVOY_LOG_LEVEL",
    "ENVOY_STATS_CONFIG_FILE",
    "ENVOY_STATS_FLUSH_INTERVAL",
    "ENVOY_STATS_SINKS_CFG_FILE",
    "ENVOY_TRACING_CFG_FILE",
    "HC_DISCONNECTED_TIMEOUT_S",
    "HC_POLL_INTERVAL_MS",
    "JAEGER_TRACER_ADDRESS",
    "JAEGER_TRACER_PORT",
    "JAEGER_TRACER_VERSION",
    "LISTENER_DRAIN_WAIT_TIME_S",
    "MAX_REQUESTS_PER_IO_CYCLE",
    "STATSD_ADDRESS",
    "STATSD_PORT",
    "STATSD_SOCKET_PATH",
    "XRAY_DAEMON_PORT",
    "XRAY_SAMPLING_RATE",
    "XRAY_SAMPLING_RULE_MANIFEST",
    "XRAY_SEGMENT_NAME",
)
"""They mean what they meant."""

CHANGED: Mapping[str, str] = {
    "ENVOY_ADMIN_ACCESS_PORT": "answers GET of /ready, /server_info, /stats and /stats/prometheus, "
    "at 127.0.0.1 unless TEAL_ADMIN_ADDRESS names another address",
    "ENVOY_ADMIN_ACCESS_ENABLE_IPV6": "counts with TEAL_ADMIN_ADDRESS=0.0.0.0",
    "ENVOY_ADMIN_ACCESS_LOG_FILE": "has no default; Envoy then reports by a clock of its own",
}
"""They mean something else: what."""

DROPPED: Mapping[str, str] = {
    "APPMESH_DUALSTACK_ENDPOINT": "App Mesh's endpoints are gone",
    "APPMESH_FIPS_ENDPOINT": "App Mesh's endpoints are gone",
    "APPMESH_METRIC_EXTENSION_VERSION": "the extension was in AWS's build of Envoy alone",
    "APPMESH_PLATFORM_APP_MESH_CONTROLLER_VERSION": "nothing uses it",
    "APPMESH_PLATFORM_K8S_VERSION": "nothing uses it",
    "APPMESH_PREVIEW": "what the preview channel had is always on",
    "APPMESH_SET_TRACING_DECISION": "Envoy's own default holds",
    "APPMESH_SIGNING_NAME": "the agent proves the task's role by STS",
    "APPMESH_SLEEP_DURATION": "a control plane that does not answer is waited for",
    "APPNET_AGENT_HTTP_BIND_ADDRESS": "the agent listens at 127.0.0.1 alone",
    "APPNET_AGENT_LOGGING_RESET_TIMEOUT": "a level that was set stays until Envoy starts again",
    "APPNET_AGENT_MAX_LOG_FILE_SIZE": "logs go to standard error",
    "APPNET_AGENT_MAX_RETENTION_COUNT": "logs go to standard error",
    "APPNET_AGENT_POLL_ENVOY_READINESS_INTERVAL_S": "whoever waits asks /health",
    "APPNET_AGENT_POLL_ENVOY_READINESS_TIMEOUT_S": "whoever waits asks /health",
    "APPNET_ENABLE_RELAY_MODE_FOR_XDS": "an Envoy connects to the control plane itself",
    "APPNET_ENVOY_LOG_DESTINATION": "logs go to standard error",
    "APPNET_ENVOY_LOG_NAME": "logs go to standard error",
    "APPNET_MANAGEMENT_DOMAIN_NAME": "an Envoy connects to the control plane itself",
    "APPNET_MANAGEMENT_PORT": "an Envoy connects to the control plane itself",
    "ENABLE_STATS_SNAPSHOT": "/stats/prometheus has all of the present statistics",
    "ENVOY_ADMIN_MODE": "the whole admin interface is at a socket always",
    "ENVOY_ENABLE_TCP_POOL_IDLE_TIMEOUT": "Envoy's own default holds",
    "ENVOY_NO_EXTENSION_LOOKUP_BY_NAME": "Envoy's own default holds",
    "ENVOY_RESOURCES_CONFIG_FILE": "own listeners and clusters cannot be added; ENVOY_CONFIG_FILE "
    "is a whole bootstrap",
    "ENVOY_USE_HTTP_CLIENT_TO_FETCH_AWS_CREDENTIALS": "Envoy has no credentials",
    "PID_POLL_INTERVAL_MS": "the agent hears of Envoy's end at once",
    "STATS_SNAPSHOT_INTERVAL": "/stats/prometheus has all of the present statistics",
}
"""They do nothing any more: why."""

OWN: Mapping[str, str] = {
    "TEAL_ADMIN_ADDRESS": "where ENVOY_ADMIN_ACCESS_PORT answers (127.0.0.1)",
    "TEAL_DRAIN_SECONDS": "how long `teal-envoy drain` has the task drained, at most (110)",
    "TEAL_ENVOY_ADDRESS": "where Envoy listens if no traffic is redirected to it",
    "TEAL_ENVOY_DIRECTORY": "for the bootstrap, the proof of identity and sockets (/run/teal)",
    "TEAL_SERVER_ID": "for whom the role is proved; without it the control plane is asked",
    "TEAL_STS_ENDPOINT": "URL of STS as the control plane asks it; AWS's in the region without it",
    "TEAL_XDS_CA": "who signs the control plane's certificate: `system`, a PEM file, or PEM text; "
    "without it the connection is not encrypted",
    "TEAL_XDS_CERTIFICATE": "PEM file with a certificate that proves the node, and not the role",
    "TEAL_XDS_KEY": "PEM file with its key",
    "TEAL_XDS_SERVER_NAME": "whose name that certificate has; the host of APPMESH_XDS_ENDPOINT",
}
"""Those that App Mesh's image did not have."""


def remarks(environment: Mapping[str, str]) -> Iterator[str]:
    """What to tell whoever set variables that mean something else, or nothing."""
    for name, what in CHANGED.items():
        if environment.get(name):
            yield f"{name} {what}"
    for name, why in DROPPED.items():
        if environment.get(name):
            yield f"{name} is not kept: {why}"
