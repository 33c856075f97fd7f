"""Where an Envoy sends its traces: none or one of X-Ray, Datadog, Jaeger, or the user's own.

https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-config.html#tracing-variables
"""

from __future__ import annotations

import ipaddress
import json

from tealmesh.envoy.bootstrap.environment import (
    Environment,
    Json,
    Read,
    flag,
    fragment,
    number,
    port,
    socket_address,
    static_cluster,
)
from tealmesh.model.errors import TealError

XRAY_PORT = 2000
DATADOG_PORT = 8126
JAEGER_PORT = 9411

_SWITCHES = (
    "ENABLE_ENVOY_XRAY_TRACING",
    "ENABLE_ENVOY_DATADOG_TRACING",
    "ENABLE_ENVOY_JAEGER_TRACING",
)
_OWN = "ENVOY_TRACING_CFG_FILE"


def tracing(
    environment: Environment, mesh: str, name: str, daemon: str, read: Read
) -> tuple[Json, list[Json]]:
    """The bootstrap's ``tracing`` (None for no traces) and the clusters that it needs.

    ``daemon`` is the address of the tracing daemon unless a variable names another. Raises
    TealError for variables that exclude each other or cannot be used.
    """
    chosen = [variable for variable in _SWITCHES if flag(environment, variable)]
    chosen += [_OWN] if environment.get(_OWN) else []
    if len(chosen) > 1:
        raise TealError(f"{' and '.join(chosen)}: must be one at most: Envoy has one tracer")
    if not chosen:
        return None, []
    if chosen[0] == _OWN:
        own = fragment(environment, _OWN, read)
        if "tracing" not in own:
            raise TealError(f"{_OWN} = {environment[_OWN]!r}: must hold the member 'tracing'")
        return own["tracing"], own.get("static_resources", {}).get("clusters", [])
    if chosen[0] == _SWITCHES[0]:
        return _http("xray", _xray(environment, f"{mesh}/{name}", daemon)), []
    if chosen[0] == _SWITCHES[1]:
        service = environment.get("DD_SERVICE") or f"envoy-{mesh}/{name}"
        config = _typed("DatadogConfig", collector_cluster="datadog_agent", service_name=service)
        cluster = _collector(environment, "datadog_agent", "DATADOG_TRACER", DATADOG_PORT, daemon)
        return _http("datadog", config), [cluster]
    cluster = _collector(environment, "jaeger", "JAEGER_TRACER", JAEGER_PORT, daemon)
    return _http("zipkin", _jaeger(environment)), [cluster]


def exported(resource: str, service: Json) -> dict[str, Json]:
    """The bootstrap's ``tracing`` to the control plane: spans of OpenTelemetry, by the gRPC
    ``service``. The node or gateway ``resource`` is what the Envoy calls itself.
    """
    return _http(
        "opentelemetry",
        _typed("OpenTelemetryConfig", grpc_service=service, service_name=resource),
    )


def sampling(share: float) -> dict[str, Json]:
    """Keys of Envoy's runtime for traces of this share of the requests, 0 to 1, that nobody before
    has decided about, told within a second.

    https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/runtime
    """
    return {
        # A number alone would be percent, and Envoy draws one of 10,000 for each request.
        "tracing.random_sampling": {
            "numerator": max(1, round(share * 10_000)),
            "denominator": "TEN_THOUSAND",
        },
        "tracing.opentelemetry.flush_interval_ms": 1000,
    }


def _http(tracer: str, config: dict[str, Json]) -> dict[str, Json]:
    return {"http": {"name": f"envoy.tracers.{tracer}", "typed_config": config}}


def _typed(message: str, **members: Json) -> dict[str, Json]:
    return {"@type": f"type.googleapis.com/envoy.config.trace.v3.{message}", **members}


def _collector(
    environment: Environment, cluster: str, prefix: str, default: int, daemon: str
) -> dict[str, Json]:
    address = environment.get(f"{prefix}_ADDRESS") or daemon
    _check_ip(f"{prefix}_ADDRESS", address)
    at = socket_address(address, port(environment, f"{prefix}_PORT", default))
    return static_cluster(cluster, {"socket_address": at})


def _jaeger(environment: Environment) -> dict[str, Json]:
    encoding = environment.get("JAEGER_TRACER_VERSION") or "PROTO"
    if encoding not in ("PROTO", "JSON"):
        raise TealError(f"JAEGER_TRACER_VERSION = {encoding!r}: must be PROTO or JSON")
    return _typed(
        "ZipkinConfig",
        collector_cluster="jaeger",
        collector_endpoint="/api/v2/spans",
        collector_endpoint_version=f"HTTP_{encoding}",
        shared_span_context=False,
    )


def _xray(environment: Environment, segment: str, daemon: str) -> dict[str, Json]:
    """The rule manifest is X-Ray's own format for sampling without asking its service:
    https://docs.aws.amazon.com/xray/latest/devguide/xray-sdk-java-configuration.html
    """
    address, default = _daemon(environment, daemon)
    endpoint = socket_address(address, port(environment, "XRAY_DAEMON_PORT", default), "UDP")
    rate = number(environment, "XRAY_SAMPLING_RATE", 0.05, (0, 1))
    manifest = {"version": 2, "default": {"fixed_target": 1, "rate": rate}, "rules": []}
    own = environment.get("XRAY_SAMPLING_RULE_MANIFEST")
    return _typed(
        "XRayConfig",
        daemon_endpoint=endpoint,
        segment_name=environment.get("XRAY_SEGMENT_NAME") or segment,
        sampling_rule_manifest={"filename": own}
        if own
        else {"inline_string": json.dumps(manifest)},
    )


def _daemon(environment: Environment, default: str) -> tuple[str, int]:
    """AWS_XRAY_DAEMON_ADDRESS: ``address``, ``address:port``, or one for each protocol
    (``tcp:address:port udp:address:port``), of which Envoy needs the one for UDP.
    """
    variable = "AWS_XRAY_DAEMON_ADDRESS"
    text = environment.get(variable, "").strip()
    if not text:
        return default, XRAY_PORT
    parts = [part for part in text.split() if not part.startswith("tcp:")]
    address = parts[0].removeprefix("udp:") if parts else ""
    host, colon, given = address.rpartition(":")
    if not colon or "]" in given or (address.count(":") > 1 and not host.endswith("]")):
        host, given = address, str(XRAY_PORT)
    host = host.strip("[]")
    _check_ip(variable, host)
    return host, port({variable: given}, variable, XRAY_PORT)


def _check_ip(variable: str, address: str) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError as error:
        raise TealError(f"{variable} = {address!r}: must be an IP address") from error
