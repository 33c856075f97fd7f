"""A static Envoy that speaks HTTP/2 for tests and applications, which only speak HTTP/1.1.

In front of the mesh it turns requests into HTTP/2, behind the mesh back into HTTP/1.1. There it
adds the header ``x-seen-protocol``: the protocol in which the request arrived.
"""

from __future__ import annotations

from typing import Any

_TYPE = "type.googleapis.com/envoy.extensions"
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

Address = tuple[str, int]


def bridge(pairs: list[tuple[Address, Address, bool]], admin: Address) -> dict[str, Any]:
    """The bootstrap. A pair is (listening address, target address, whether HTTP/1.1 becomes HTTP/2
    or the other way round).
    """
    return {
        "node": {"id": "bridge", "cluster": "bridge"},
        "admin": {"address": _address(admin)},
        "static_resources": {
            "listeners": [_listener(index, *pair) for index, pair in enumerate(pairs)],
            "clusters": [_cluster(index, pair[1], pair[2]) for index, pair in enumerate(pairs)],
        },
    }


def _address(address: Address) -> dict[str, Any]:
    return {"socket_address": {"address": address[0], "port_value": address[1]}}


def _listener(index: int, here: Address, there: Address, upgrade: bool) -> dict[str, Any]:
    route: dict[str, Any] = {"match": {"prefix": "/"}, "route": {"cluster": f"to_{index}"}}
    route["route"]["timeout"] = "0s"
    host: dict[str, Any] = {"name": "all", "domains": ["*"], "routes": [route]}
    if not upgrade:
        seen = {"key": "x-seen-protocol", "value": "%PROTOCOL%"}
        host["request_headers_to_add"] = [{"header": seen}]
    manager = {
        "@type": f"{_TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bridge",
        "codec_type": "HTTP1" if upgrade else "HTTP2",
        "route_config": {"virtual_hosts": [host]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {
                    "@type": f"{_TYPE}.filters.http.router.v3.Router",
                    "suppress_envoy_headers": True,
                },
            }
        ],
    }
    one = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    return {
        "name": f"from_{index}",
        "address": _address(here),
        "filter_chains": [{"filters": [one]}],
    }


def _cluster(index: int, there: Address, upgrade: bool) -> dict[str, Any]:
    chosen = "http2_protocol_options" if upgrade else "http_protocol_options"
    options = {
        "@type": f"{_TYPE}.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {chosen: {}},
        # A kept connection would lead to the listener of an earlier row, which drains.
        "common_http_protocol_options": {"max_requests_per_connection": 1},
    }
    endpoint = {"endpoint": {"address": _address(there)}}
    return {
        "name": f"to_{index}",
        "type": "STATIC",
        "typed_extension_protocol_options": {_OPTIONS: options},
        "load_assignment": {
            "cluster_name": f"to_{index}",
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }
