"""The rules of an HTTP or HTTPS listener as a route configuration, and the headers that it sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from envoy.config.core.v3 import base_pb2
from envoy.config.route.v3 import route_components_pb2 as components
from envoy.config.route.v3 import route_pb2

from tealmesh.envoy.load_balancers import actions, names
from tealmesh.envoy.load_balancers.actions import Context, header
from tealmesh.envoy.load_balancers.conditions import route_match
from tealmesh.envoy.load_balancers.script import Settings
from tealmesh.envoy.resources import Resource, encode
from tealmesh.model.load_balancers import (
    ListenerBody,
    LoadBalancerBody,
    PlaceBody,
    TargetGroupBody,
)

IDLE_SECONDS = 60
"""ELB's default idle timeout of connections and requests."""

_OWN_HEADERS = ("x-envoy-external-address", "x-envoy-internal", "x-envoy-expected-rq-timeout-ms")
"""Envoy adds these; a load balancer does not."""

_PROTOCOL_PORTS = {"http": 80, "https": 443}
_RESPONSE = "routing.http.response."
_VALUE = ".header_value"


def attribute(holder: Mapping[str, str], name: str) -> bool:
    """Whether an attribute is switched on."""
    return holder.get(name, "").lower() == "true"


def idle_seconds(load_balancer: LoadBalancerBody) -> int:
    """How long a request or a connection may be without data."""
    return int(load_balancer["Attributes"].get("idle_timeout.timeout_seconds", IDLE_SECONDS))


def scheme(listener: ListenerBody) -> str:
    """http or https."""
    return "https" if listener["Protocol"] == "HTTPS" else "http"


def route_configuration(
    load_balancer: LoadBalancerBody,
    listener: ListenerBody,
    place: PlaceBody,
    groups: Mapping[str, TargetGroupBody],
) -> Resource:
    """The rules by priority, then the default actions. Raises TranslationError for a rule that
    leads to no target group.
    """
    context = Context(
        groups=groups,
        settings=_settings(load_balancer, listener, place),
        idle_seconds=idle_seconds(load_balancer),
        secure=listener["Protocol"] == "HTTPS",
    )
    host = components.VirtualHost(name="rules", domains=["*"])
    leads_to: set[str] = set()
    for rule in sorted(listener["Rules"], key=lambda one: one["Priority"]):
        match = route_match(rule["Conditions"])
        host.routes.extend(actions.routes(str(rule["Priority"]), match, rule["Actions"], context))
        leads_to.update(actions.clusters(rule["Actions"], groups))
    default = listener["DefaultActions"]
    host.routes.extend(actions.routes("default", route_match(()), default, context))
    leads_to.update(actions.clusters(default, groups))
    name = names.routes(listener["Port"])
    configuration = route_pb2.RouteConfiguration(name=name, virtual_hosts=[host])
    configuration.request_headers_to_add.extend(_request_headers(load_balancer, listener))
    configuration.request_headers_to_remove.extend(_OWN_HEADERS)
    configuration.response_headers_to_add.extend(_response_headers(listener))
    if listener["Attributes"].get(f"{_RESPONSE}server.enabled", "true").lower() == "false":
        configuration.response_headers_to_remove.append("server")
    return encode(name, configuration, leads_to)


def _settings(
    load_balancer: LoadBalancerBody, listener: ListenerBody, place: PlaceBody
) -> Settings:
    attributes = load_balancer["Attributes"]
    protocol, port = scheme(listener), listener["Port"]
    settings: Settings = {
        "protocol": protocol,
        "port": str(port),
        "local_ports": {own: str(local) for own, local in place["ports"].items()},
        "strict_headers": attribute(attributes, "routing.http.drop_invalid_header_fields.enabled"),
    }
    settings["forwarded_for"] = attributes.get("routing.http.xff_header_processing.mode", "append")
    if attribute(attributes, "routing.http.xff_client_port.enabled"):
        settings["client_port"] = True
    if not attribute(attributes, "routing.http.preserve_host_header.enabled"):
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#host-header-preservation
        if port == _PROTOCOL_PORTS[protocol]:
            settings["default_port"] = str(port)
        else:
            settings["added_port"] = str(place["ports"].get(str(port), port))
    return settings


def _request_headers(
    load_balancer: LoadBalancerBody, listener: ListenerBody
) -> Iterator[base_pb2.HeaderValueOption]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html"""
    attributes = load_balancer["Attributes"]
    yield header("x-forwarded-proto", scheme(listener))
    yield header("x-forwarded-port", str(listener["Port"]))
    tls = "routing.http.x_amzn_tls_version_and_cipher_suite.enabled"
    if attribute(attributes, tls) and listener["Protocol"] == "HTTPS":
        for name, value in (
            ("x-amzn-tls-version", "%DOWNSTREAM_TLS_VERSION%"),
            ("x-amzn-tls-cipher-suite", "%DOWNSTREAM_TLS_CIPHER%"),
        ):
            added = header(name, "")
            added.header.value = value
            yield added


def _response_headers(listener: ListenerBody) -> Iterator[base_pb2.HeaderValueOption]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/header-modification.html"""
    for name, value in sorted(listener["Attributes"].items()):
        if name.startswith(_RESPONSE) and name.endswith(_VALUE) and value:
            own = name.removeprefix(_RESPONSE).removesuffix(_VALUE)
            yield header(own.replace("_", "-"), value)
