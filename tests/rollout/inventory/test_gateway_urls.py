"""Where clients reach a gateway."""

from __future__ import annotations

from typing import Any

from tealmesh.rollout.inventory.mesh import gateway_urls


def test_a_listener_that_wants_tls_is_reached_by_https() -> None:
    spec: Any = {
        "listeners": [
            {"portMapping": {"port": 443, "protocol": "http"}, "tls": {"mode": "STRICT"}},
            {"portMapping": {"port": 80, "protocol": "http"}, "tls": {"mode": "PERMISSIVE"}},
        ]
    }
    assert gateway_urls(spec, ["a", "a", "b"]) == [
        "https://a:443/",
        "http://a:80/",
        "https://b:443/",
        "http://b:80/",
    ]
