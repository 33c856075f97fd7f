"""Which members of App Mesh's specifications the translation handles.

The API refuses a member that is not handled when it is written; it is never silently ignored. A
test checks that all members of today's model are handled; if botocore's model gains one, it is
refused until it is translated. Paths are dotted, with ``[]`` for the elements of a list, as in
``listeners[].portMapping.port``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from tealmesh.model.mesh import Kind

if TYPE_CHECKING:
    from tealmesh.model.appmesh import AnySpec

_DURATION = ("unit", "value")
_VALUE_MATCH = ("exact", "prefix", "suffix", "regex", "range.start", "range.end")


def _under(prefix: str, *groups: str | Iterable[str]) -> tuple[str, ...]:
    """``prefix.member`` for each member of the groups."""
    members = [one for group in groups for one in ((group,) if isinstance(group, str) else group)]
    return tuple(f"{prefix}.{member}" for member in members)


_TIMEOUT = (*_under("perRequest", _DURATION), *_under("idle", _DURATION))
_LISTENER = (
    *_under("portMapping", "port", "protocol"),
    *_under("connectionPool.http", "maxConnections", "maxPendingRequests"),
    *_under("connectionPool.http2", "maxRequests"),
    *_under("connectionPool.grpc", "maxRequests"),
)
_HEALTH_CHECK = _under(
    "healthCheck",
    "healthyThreshold",
    "intervalMillis",
    "path",
    "port",
    "protocol",
    "timeoutMillis",
    "unhealthyThreshold",
)
_OUTLIERS = _under(
    "outlierDetection",
    _under("baseEjectionDuration", _DURATION),
    _under("interval", _DURATION),
    "maxEjectionPercent",
    "maxServerErrors",
)
_ACCESS_LOG = _under(
    "logging.accessLog.file", "path", "format.text", "format.json[].key", "format.json[].value"
)
_CERTIFICATE = _under("certificate", "file.certificateChain", "file.privateKey", "sds.secretName")
_VALIDATION = _under(
    "validation",
    "subjectAlternativeNames.match.exact[]",
    *_under("trust", "file.certificateChain", "sds.secretName"),
)
_SERVER = _under("tls", "mode", "certificate.acm.certificateArn", _CERTIFICATE, _VALIDATION)
_AUTHORITIES = "validation.trust.acm.certificateAuthorityArns[]"
_CLIENT = _under("clientPolicy.tls", "enforce", "ports[]", _AUTHORITIES, _CERTIFICATE, _VALIDATION)
_VALUES = ("name", "invert", *_under("match", _VALUE_MATCH))
_HTTP_MATCH = (
    "prefix",
    "method",
    "port",
    *_under("path", "exact", "regex"),
    *_under("headers[]", _VALUES),
    *_under("queryParameters[]", "name", "match.exact"),
)
_GRPC_MATCH = ("serviceName", "port", *_under("metadata[]", _VALUES))
_RETRY = (
    "httpRetryEvents[]",
    "tcpRetryEvents[]",
    "maxRetries",
    *_under("perRetryTimeout", _DURATION),
)
_TARGETS = _under("action.weightedTargets[]", "port", "virtualNode", "weight")
_HTTP_ROUTE = (
    *_under("match", _HTTP_MATCH, "scheme"),
    *_under("retryPolicy", _RETRY),
    *_under("timeout", _TIMEOUT),
    *_TARGETS,
)
_GRPC_ROUTE = (
    *_under("match", _GRPC_MATCH, "methodName"),
    *_under("retryPolicy", _RETRY, "grpcRetryEvents[]"),
    *_under("timeout", _TIMEOUT),
    *_TARGETS,
)
_HOSTNAME = _under("match.hostname", "exact", "suffix")
_GATEWAY_ACTION = _under(
    "action",
    "rewrite.hostname.defaultTargetHostname",
    "target.port",
    "target.virtualService.virtualServiceName",
)
_HTTP_GATEWAY_ROUTE = (
    *_under("match", _HTTP_MATCH),
    *_under("action.rewrite", "path.exact", "prefix.defaultPrefix", "prefix.value"),
    *_HOSTNAME,
    *_GATEWAY_ACTION,
)
_GRPC_GATEWAY_ROUTE = (*_under("match", _GRPC_MATCH), *_HOSTNAME, *_GATEWAY_ACTION)

HANDLED: Mapping[Kind, frozenset[str]] = {
    Kind.MESH: frozenset({"egressFilter.type", "serviceDiscovery.ipPreference"}),
    Kind.VIRTUAL_NODE: frozenset(
        (
            *_under("backends[].virtualService", "virtualServiceName", _CLIENT),
            *_under("backendDefaults", _CLIENT),
            *_under("listeners[]", _LISTENER, _HEALTH_CHECK, _OUTLIERS, _SERVER),
            *_under("listeners[].timeout.http", _TIMEOUT),
            *_under("listeners[].timeout.http2", _TIMEOUT),
            *_under("listeners[].timeout.grpc", _TIMEOUT),
            *_under("listeners[].timeout.tcp.idle", _DURATION),
            "listeners[].connectionPool.tcp.maxConnections",
            *_under("serviceDiscovery.awsCloudMap", "namespaceName", "serviceName"),
            *_under("serviceDiscovery.awsCloudMap.attributes[]", "key", "value"),
            "serviceDiscovery.awsCloudMap.ipPreference",
            *_under("serviceDiscovery.dns", "hostname", "responseType", "ipPreference"),
            *_ACCESS_LOG,
        )
    ),
    Kind.VIRTUAL_SERVICE: frozenset(
        _under("provider", "virtualNode.virtualNodeName", "virtualRouter.virtualRouterName")
    ),
    Kind.VIRTUAL_ROUTER: frozenset(_under("listeners[].portMapping", "port", "protocol")),
    Kind.ROUTE: frozenset(
        (
            "priority",
            *_under("httpRoute", _HTTP_ROUTE),
            *_under("http2Route", _HTTP_ROUTE),
            *_under("grpcRoute", _GRPC_ROUTE),
            *_under("tcpRoute", "match.port", _under("timeout.idle", _DURATION), _TARGETS),
        )
    ),
    Kind.VIRTUAL_GATEWAY: frozenset(
        (
            *_under("listeners[]", _LISTENER, _HEALTH_CHECK, _SERVER),
            *_under("backendDefaults", _CLIENT),
            *_ACCESS_LOG,
        )
    ),
    Kind.GATEWAY_ROUTE: frozenset(
        (
            "priority",
            *_under("httpRoute", _HTTP_GATEWAY_ROUTE),
            *_under("http2Route", _HTTP_GATEWAY_ROUTE),
            *_under("grpcRoute", _GRPC_GATEWAY_ROUTE),
        )
    ),
}
"""The paths of all leaves that have an effect in Envoy, by kind."""


def unsupported(kind: Kind, spec: AnySpec) -> list[str]:
    """The members of ``spec`` that the translation does not handle, e.g.
    ``listeners[0].tls.mode``, in the order of the spec; empty when all have an effect.
    """
    return [shown for shown, path in _leaves(spec, "", "") if path not in HANDLED[kind]]


def _leaves(value: object, shown: str, path: str) -> Iterator[tuple[str, str]]:
    """(path as the user wrote it, path with []) of each leaf; an empty structure has none."""
    if isinstance(value, Mapping):
        for member, inner in value.items():
            dot = "." if path else ""
            yield from _leaves(inner, f"{shown}{dot}{member}", f"{path}{dot}{member}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{shown}[{index}]", f"{path}[]")
    elif value is not None:
        yield shown, path
