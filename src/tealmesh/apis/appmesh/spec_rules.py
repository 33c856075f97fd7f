"""What App Mesh asks of a specification beyond its model: rules between the members of one spec.

The codec has already checked types, required members, ranges and enumerations. Rules that need
other resources stand in `appmesh_references`. Sources: the documentation of the members in
botocore's model (the API reference) and the user guide's pages on each resource.

Everything is pure: a rule yields `Problem`s and decides nothing.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tealmesh.apis.appmesh.log_format import log_format_problem
from tealmesh.model.arn import Arn
from tealmesh.model.mesh import Kind

Spec = Mapping[str, Any]

MAX_UINT32 = 4294967295
"""What Envoy can count to in retries, ejections and the like (google.protobuf.UInt32Value)."""

MAX_DURATION = 2147483647
"""Largest number of time units: beyond it Envoy's durations overflow."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}")
_HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}")


@dataclass(frozen=True)
class Problem:
    """One member that breaks a rule; ``allowed`` continues "must be" or "must"."""

    field: str
    value: Any
    allowed: str

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


def virtual_node(spec: Spec) -> Problems:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_VirtualNodeSpec.html"""
    listeners = spec.get("listeners", ())
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
    yield from _listeners(listeners)
    yield from _logging(spec.get("logging", {}))
    yield from _client_policy("spec.backendDefaults", spec.get("backendDefaults", {}))
    backends = [b["virtualService"] for b in spec.get("backends", ()) if "virtualService" in b]
    for index, backend in enumerate(backends):
        yield from _client_policy(f"spec.backends[{index}].virtualService", backend)
    names = [backend["virtualServiceName"] for backend in backends]
    yield from once_each("spec.backends[].virtualService.virtualServiceName", names)


def virtual_gateway(spec: Spec) -> Problems:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_VirtualGatewaySpec.html"""
    if not spec["listeners"]:
        yield Problem("spec.listeners", [], "must hold at least one listener")
    yield from _listeners(spec["listeners"])
    yield from _logging(spec.get("logging", {}))
    yield from _client_policy("spec.backendDefaults", spec.get("backendDefaults", {}))


def virtual_router(spec: Spec) -> Problems:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_VirtualRouterSpec.html"""
    ports = [listener["portMapping"]["port"] for listener in spec.get("listeners", ())]
    yield from once_each("spec.listeners[].portMapping.port", ports)


def once_each(field: str, values: Iterable[Any]) -> Problems:
    """Each value at most once."""
    for value, count in Counter(values).items():
        if count > 1:
            yield Problem(field, value, f"must be given only once (is given {count} times)")


def duration(field: str, value: Spec | None) -> Problems:
    """A time: both members of API_Duration, within what Envoy can hold."""
    if value is None:
        return
    if "unit" not in value or "value" not in value:
        yield Problem(field, dict(value), "must have both value and unit ('s' or 'ms')")
    elif value["value"] > MAX_DURATION:
        yield Problem(f"{field}.value", value["value"], f"must be at most {MAX_DURATION}")


def timeouts(field: str, timeout: Spec) -> Problems:
    """The members of API_HttpTimeout, API_GrpcTimeout and API_TcpTimeout."""
    for member in ("perRequest", "idle"):
        yield from duration(f"{field}.{member}", timeout.get(member))


def at_most(field: str, value: int | None, maximum: int) -> Problems:
    """A number that Envoy holds in fewer bits than the API does."""
    if value is not None and value > maximum:
        yield Problem(field, value, f"must be at most {maximum}")


def _discovery(discovery: Spec) -> Problems:
    if "dns" in discovery:
        host = discovery["dns"]["hostname"]
        if not _HOST.fullmatch(host.removesuffix(".")):
            field = "spec.serviceDiscovery.dns.hostname"
            yield Problem(field, host, "must be a host name of 1 to 253 characters")
    attributes = discovery.get("awsCloudMap", {}).get("attributes", ())
    field = "spec.serviceDiscovery.awsCloudMap.attributes[].key"
    yield from once_each(field, [attribute["key"] for attribute in attributes])


def _listeners(listeners: Iterable[Spec]) -> Problems:
    listeners = list(listeners)
    ports = [listener["portMapping"]["port"] for listener in listeners]
    yield from once_each("spec.listeners[].portMapping.port", ports)
    for index, listener in enumerate(listeners):
        yield from _listener(f"spec.listeners[{index}]", listener)


def _listener(field: str, listener: Spec) -> Problems:
    port, protocol = listener["portMapping"]["port"], listener["portMapping"]["protocol"]
    for member in ("timeout", "connectionPool"):
        for chosen in listener.get(member, {}):
            if chosen != protocol:
                allowed = f"must be {protocol!r}, the protocol of {field}.portMapping"
                yield Problem(f"{field}.{member}", chosen, allowed)
    for chosen, timeout in listener.get("timeout", {}).items():
        yield from timeouts(f"{field}.timeout.{chosen}", timeout)
    yield from _health_check(f"{field}.healthCheck", listener.get("healthCheck", {}), port)
    if listener.get("healthCheck", {}).get("protocol") == "grpc" and protocol in ("http", "tcp"):
        # Envoy asks for a gRPC health over the cluster's own connections, which must be HTTP/2.
        allowed = f"must not be 'grpc' where {field}.portMapping has protocol {protocol!r}"
        yield Problem(f"{field}.healthCheck.protocol", "grpc", allowed)
    yield from _outlier(f"{field}.outlierDetection", listener.get("outlierDetection", {}))
    yield from _listener_tls(f"{field}.tls", listener.get("tls", {}))


def _health_check(field: str, check: Spec, port: int) -> Problems:
    if check.get("port", port) != port:
        allowed = f"must be {port}, the port of the listener's portMapping"
        yield Problem(f"{field}.port", check["port"], allowed)
    path = check.get("path")
    used = check.get("protocol") in ("http", "http2")
    if path is not None and used and not _is_path(path):
        yield Problem(f"{field}.path", path, "must begin with '/' and hold no spaces")


def _outlier(field: str, outlier: Spec) -> Problems:
    for member in ("interval", "baseEjectionDuration"):
        value = outlier.get(member)
        yield from duration(f"{field}.{member}", value)
        # Envoy refuses a cluster whose outlier detection has a duration of zero.
        if value is not None and value.get("value") == 0:
            yield Problem(f"{field}.{member}.value", 0, "must be at least 1")
    yield from at_most(f"{field}.maxServerErrors", outlier.get("maxServerErrors"), MAX_UINT32)


def _listener_tls(field: str, tls: Spec) -> Problems:
    acm = tls.get("certificate", {}).get("acm")
    if acm:
        yield from _arn(f"{field}.certificate.acm.certificateArn", acm["certificateArn"], "acm")


def _logging(logging: Spec) -> Problems:
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


def _client_policy(field: str, holder: Spec) -> Problems:
    tls = holder.get("clientPolicy", {}).get("tls", {})
    at = f"{field}.clientPolicy.tls"
    yield from once_each(f"{at}.ports[]", tls.get("ports", ()))
    authorities = tls.get("validation", {}).get("trust", {}).get("acm", {})
    for index, arn in enumerate(authorities.get("certificateAuthorityArns", ())):
        member = f"{at}.validation.trust.acm.certificateAuthorityArns[{index}]"
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


def filled(kind: Kind, spec: Spec) -> dict[str, Any]:
    """``spec`` as App Mesh returns it: as sent, with each health check's port.

    Anything more would be a difference that Terraform shows at every plan (DESIGN §11).
    """
    if kind not in (Kind.VIRTUAL_NODE, Kind.VIRTUAL_GATEWAY) or "listeners" not in spec:
        return dict(spec)
    return {**spec, "listeners": [_with_port(listener) for listener in spec["listeners"]]}


def _with_port(listener: Spec) -> Spec:
    check = listener.get("healthCheck")
    if check is None or "port" in check:
        return listener
    return {**listener, "healthCheck": {**check, "port": listener["portMapping"]["port"]}}
