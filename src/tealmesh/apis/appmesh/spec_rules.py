"""What App Mesh asks of a specification beyond its model: rules between the members of one spec.

The codec has already checked types, required members, ranges and enumerations; rules that need
other resources are in `references`. Sources: the documentation of the members in botocore's model
(the API reference) and the user guide's pages on each resource.

Everything is pure: a rule yields `Problem`s and decides nothing.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tealmesh.apis.appmesh.log_format import log_format_problem
from tealmesh.model.arn import Arn
from tealmesh.model.mesh import Kind

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import (
        ClientPolicyOutputTypeDef,
        DurationTypeDef,
        HealthCheckPolicyTypeDef,
        ListenerOutputTypeDef,
        ListenerTimeoutTypeDef,
        LoggingOutputTypeDef,
        OutlierDetectionTypeDef,
        ServiceDiscoveryOutputTypeDef,
        VirtualGatewayClientPolicyOutputTypeDef,
        VirtualGatewayHealthCheckPolicyTypeDef,
        VirtualGatewayListenerOutputTypeDef,
        VirtualGatewayLoggingOutputTypeDef,
    )

    from tealmesh.model.appmesh import (
        AnySpec,
        VirtualGatewaySpec,
        VirtualNodeSpec,
        VirtualRouterSpec,
    )

    ClientPolicy = ClientPolicyOutputTypeDef | VirtualGatewayClientPolicyOutputTypeDef
    HealthCheck = HealthCheckPolicyTypeDef | VirtualGatewayHealthCheckPolicyTypeDef
    Listener = ListenerOutputTypeDef | VirtualGatewayListenerOutputTypeDef
    Logging = LoggingOutputTypeDef | VirtualGatewayLoggingOutputTypeDef

MAX_UINT32 = 4294967295
"""The largest number of retries, ejections and the like in Envoy (google.protobuf.UInt32Value)."""

MAX_DURATION = 2147483647
"""The largest number of time units: Envoy's durations overflow beyond it."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}")
_HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}")


@dataclass(frozen=True)
class Problem:
    """One member that breaks a rule."""

    field: str
    """Its path: ``spec.listeners[0].healthCheck.port``."""

    value: object
    """JSON."""

    allowed: str
    """What the member must be or have: "must be …", "must not …"."""

    def __str__(self) -> str:
        shown = json.dumps(self.value)
        if len(shown) > 120:
            shown = shown[:117] + "..."
        return f"{self.field} = {shown}: {self.allowed}"


Problems = Iterator[Problem]


def name_problems(kind: Kind, field: str, name: str) -> Problems:
    """A name becomes part of ARNs, Envoy's resource names and, for services, of host names."""
    if not _NAME.fullmatch(name):
        yield Problem(field, name, "must be 1 to 255 letters, digits, '-', '_' and '.'")
    elif kind is Kind.VIRTUAL_SERVICE and not _HOST.fullmatch(name):
        yield Problem(field, name, "must be a host name of at most 253 characters")


def unconstrained(spec: AnySpec) -> Problems:
    """The rules of a resource for which the model says everything."""
    return iter(())


def virtual_node(spec: VirtualNodeSpec) -> Problems:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_VirtualNodeSpec.html"""
    listeners = spec.get("listeners", [])
    discovery = spec.get("serviceDiscovery")
    if listeners and not discovery:
        yield Problem(
            "spec.serviceDiscovery", None, "must be set because spec.listeners has a listener"
        )
    if discovery and not listeners:
        yield Problem(
            "spec.serviceDiscovery",
            discovery,
            "Service Discovery can't be set without a listener (spec.listeners)",
        )
    yield from _discovery(discovery or {})
    yield from _distinct_ports(listeners)
    for index, listener in enumerate(listeners):
        yield from _listener(
            f"spec.listeners[{index}]",
            listener,
            listener.get("timeout", {}),
            listener.get("outlierDetection"),
        )
    yield from _logging(spec.get("logging", {}))
    policy = spec.get("backendDefaults", {}).get("clientPolicy")
    yield from _client_policy("spec.backendDefaults.clientPolicy", policy)
    backends = [b["virtualService"] for b in spec.get("backends", ()) if "virtualService" in b]
    for index, backend in enumerate(backends):
        field = f"spec.backends[{index}].virtualService.clientPolicy"
        yield from _client_policy(field, backend.get("clientPolicy"))
    names = [backend["virtualServiceName"] for backend in backends]
    yield from once_each("spec.backends[].virtualService.virtualServiceName", names)


def virtual_gateway(spec: VirtualGatewaySpec) -> Problems:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_VirtualGatewaySpec.html"""
    if not spec["listeners"]:
        yield Problem("spec.listeners", [], "must hold at least one listener")
    yield from _distinct_ports(spec["listeners"])
    for index, listener in enumerate(spec["listeners"]):
        yield from _listener(f"spec.listeners[{index}]", listener)
    yield from _logging(spec.get("logging", {}))
    policy = spec.get("backendDefaults", {}).get("clientPolicy")
    yield from _client_policy("spec.backendDefaults.clientPolicy", policy)


def virtual_router(spec: VirtualRouterSpec) -> Problems:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_VirtualRouterSpec.html"""
    ports = [listener["portMapping"]["port"] for listener in spec.get("listeners", ())]
    yield from once_each("spec.listeners[].portMapping.port", ports)


def once_each(field: str, values: Iterable[object]) -> Problems:
    """Each value at most once."""
    for value, count in Counter(values).items():
        if count > 1:
            yield Problem(field, value, f"must be given only once (is given {count} times)")


def duration(field: str, value: DurationTypeDef | None) -> Problems:
    """A time: both members of API_Duration, within what Envoy can hold."""
    if value is None:
        return
    if "unit" not in value or "value" not in value:
        yield Problem(field, dict(value), "must have both value and unit ('s' or 'ms')")
    elif value["value"] > MAX_DURATION:
        yield Problem(f"{field}.value", value["value"], f"must be at most {MAX_DURATION}")


def timeouts(
    field: str, idle: DurationTypeDef | None, per_request: DurationTypeDef | None = None
) -> Problems:
    """The members of API_HttpTimeout, API_GrpcTimeout and API_TcpTimeout."""
    yield from duration(f"{field}.perRequest", per_request)
    yield from duration(f"{field}.idle", idle)


def at_most(field: str, value: int | None, maximum: int) -> Problems:
    """A number that Envoy holds in fewer bits than the API does."""
    if value is not None and value > maximum:
        yield Problem(field, value, f"must be at most {maximum}")


def _discovery(discovery: ServiceDiscoveryOutputTypeDef) -> Problems:
    if "dns" in discovery:
        host = discovery["dns"]["hostname"]
        if not _HOST.fullmatch(host.removesuffix(".")):
            field = "spec.serviceDiscovery.dns.hostname"
            yield Problem(field, host, "must be a host name of 1 to 253 characters")
    attributes = discovery.get("awsCloudMap", {}).get("attributes", ())
    field = "spec.serviceDiscovery.awsCloudMap.attributes[].key"
    yield from once_each(field, [attribute["key"] for attribute in attributes])


def _distinct_ports(listeners: Sequence[Listener]) -> Problems:
    ports = [listener["portMapping"]["port"] for listener in listeners]
    yield from once_each("spec.listeners[].portMapping.port", ports)


_PROTOCOLS: tuple[Literal["grpc", "http", "http2", "tcp"], ...] = ("grpc", "http", "http2", "tcp")


def _listener(
    field: str,
    listener: Listener,
    timeout: ListenerTimeoutTypeDef | None = None,
    outlier: OutlierDetectionTypeDef | None = None,
) -> Problems:
    """A listener. Those of gateways have neither timeouts nor outlier detection."""
    protocol = listener["portMapping"]["protocol"]
    timeout = timeout or {}
    by_protocol: dict[str, Iterable[str]] = {
        "timeout": timeout,
        "connectionPool": listener.get("connectionPool", {}),
    }
    for member, protocols in by_protocol.items():
        for chosen in protocols:
            if chosen != protocol:
                allowed = f"must be {protocol!r}, the protocol of {field}.portMapping"
                yield Problem(f"{field}.{member}", chosen, allowed)
    for spoken in _PROTOCOLS:
        if spoken in timeout and spoken != "tcp":
            times = timeout[spoken]
            at = f"{field}.timeout.{spoken}"
            yield from timeouts(at, times.get("idle"), times.get("perRequest"))
    if "tcp" in timeout:
        yield from timeouts(f"{field}.timeout.tcp", timeout["tcp"].get("idle"))
    check = listener.get("healthCheck")
    if check is not None:
        yield from _health_check(f"{field}.healthCheck", check, listener)
    if outlier is not None:
        yield from _outlier(f"{field}.outlierDetection", outlier)
    acm = listener.get("tls", {}).get("certificate", {}).get("acm")
    if acm:
        at = f"{field}.tls.certificate.acm.certificateArn"
        yield from _arn(at, acm["certificateArn"], "acm")


def _health_check(field: str, check: HealthCheck, listener: Listener) -> Problems:
    port, protocol = listener["portMapping"]["port"], listener["portMapping"]["protocol"]
    if check.get("port", port) != port:
        allowed = f"must be {port}, the port of the listener's portMapping"
        yield Problem(f"{field}.port", check["port"], allowed)
    path = check.get("path")
    used = check.get("protocol") in ("http", "http2")
    if path is not None and used and not _is_path(path):
        yield Problem(f"{field}.path", path, "must begin with '/' and hold no spaces")
    if check.get("protocol") == "grpc" and protocol in ("http", "tcp"):
        # Envoy sends gRPC health checks over the cluster's own connections: HTTP/2 is needed.
        holder = field.removesuffix(".healthCheck")
        allowed = f"must not be 'grpc' where {holder}.portMapping has protocol {protocol!r}"
        yield Problem(f"{field}.protocol", "grpc", allowed)


_OUTLIER_TIMES: tuple[Literal["interval", "baseEjectionDuration"], ...] = (
    "interval",
    "baseEjectionDuration",
)


def _outlier(field: str, outlier: OutlierDetectionTypeDef) -> Problems:
    for member in _OUTLIER_TIMES:
        value = outlier.get(member)
        yield from duration(f"{field}.{member}", value)
        # Envoy refuses a cluster whose outlier detection has a duration of zero.
        if value is not None and value.get("value") == 0:
            yield Problem(f"{field}.{member}.value", 0, "must be at least 1")
    yield from at_most(f"{field}.maxServerErrors", outlier.get("maxServerErrors"), MAX_UINT32)


def _logging(logging: Logging) -> Problems:
    at = "spec.logging.accessLog.file.format"
    chosen = logging.get("accessLog", {}).get("file", {}).get("format", {})
    formats = [(f"{at}.text", chosen["text"])] if "text" in chosen else []
    if "json" in chosen:
        if not chosen["json"]:
            yield Problem(f"{at}.json", [], "must have at least one key")
        yield from once_each(f"{at}.json[].key", [entry["key"] for entry in chosen["json"]])
        formats = [(f"{at}.json[].value", entry["value"]) for entry in chosen["json"]]
    for field, text in formats:
        if (problem := log_format_problem(text)) is not None:
            yield Problem(field, text, problem)


def _client_policy(field: str, policy: ClientPolicy | None) -> Problems:
    tls = policy.get("tls") if policy else None
    if not tls:
        return
    yield from once_each(f"{field}.tls.ports[]", tls.get("ports", ()))
    authorities = tls.get("validation", {}).get("trust", {}).get("acm", {})
    for index, arn in enumerate(authorities.get("certificateAuthorityArns", ())):
        member = f"{field}.tls.validation.trust.acm.certificateAuthorityArns[{index}]"
        yield from _arn(member, arn, "acm-pca")


def _arn(field: str, text: str, service: str) -> Problems:
    try:
        right = Arn.parse(text).service == service
    except ValueError:
        right = False
    if not right:
        yield Problem(field, text, f"must be an ARN of {service} (arn:aws:{service}:...)")


def _is_path(path: str) -> bool:
    return path.startswith("/") and not re.search(r"[\s\x00-\x1f\x7f]", path)


def filled_node(spec: VirtualNodeSpec) -> VirtualNodeSpec:
    """The specification as App Mesh returns it: as sent, with the port of each health check.

    Anything more would be a difference that Terraform shows in every plan.
    """
    if "listeners" not in spec:
        return spec
    listeners = [listener.copy() for listener in spec["listeners"]]
    for listener in listeners:
        check = listener.get("healthCheck")
        if check is not None and "port" not in check:
            listener["healthCheck"] = {**check, "port": listener["portMapping"]["port"]}
    return {**spec, "listeners": listeners}


def filled_gateway(spec: VirtualGatewaySpec) -> VirtualGatewaySpec:
    """As `filled_node`, for the listeners of a gateway."""
    listeners = [listener.copy() for listener in spec["listeners"]]
    for listener in listeners:
        check = listener.get("healthCheck")
        if check is not None and "port" not in check:
            listener["healthCheck"] = {**check, "port": listener["portMapping"]["port"]}
    return {**spec, "listeners": listeners}
