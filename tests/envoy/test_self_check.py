"""A gateway's health check of its own listener, in real Envoys."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tealmesh.model.mesh import Kind
from tests.support.machine import free_port
from tests.support.meshes.builder import MeshBuilder
from tests.support.meshes.translation import translate
from tests.support.programs.envoy import RunningEnvoy, loopback, running, static_bootstrap

ADDRESS, PORT = loopback(60), 8080


def gateway(protocol: str, check: str, **more: Any) -> MeshBuilder:
    """A gateway without routes whose listener is checked at /ping."""
    policy = {
        "protocol": check,
        "path": "/ping",
        "intervalMillis": 200,  # less than the API allows, not to wait for it
        "timeoutMillis": 2000,
        "healthyThreshold": 2,
        "unhealthyThreshold": 2,
    }
    builder = MeshBuilder()
    builder.gateway("front", PORT, protocol, listener={"healthCheck": policy, **more})
    return builder


def wait_until_healthy(envoy: RunningEnvoy, cluster: str) -> None:
    """The first check finds no listener yet: then it takes the threshold of good ones."""
    deadline = time.monotonic() + 20
    while envoy.stat(f"cluster.{cluster}.membership_healthy") != 1:
        assert time.monotonic() < deadline, envoy.log()
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("protocol", "check"),
    [("http", "http"), ("http2", "http2"), ("http", "http2"), ("grpc", "grpc")],
)
def test_the_listener_is_found_healthy(protocol: str, check: str, tmp_path: Path) -> None:
    builder = gateway(protocol, check)
    proxy = builder.proxy("front", Kind.VIRTUAL_GATEWAY, address=ADDRESS)
    admin = ("127.0.0.1", free_port())
    bootstrap = static_bootstrap(translate(builder.snapshot(), proxy), admin)
    cluster = f"cds_ingress_m_front_self_redirect_{protocol}_{PORT}"
    with running(bootstrap, tmp_path, admin) as envoy:
        wait_until_healthy(envoy, cluster)
        assert envoy.stat(f"cluster.{cluster}.health_check.success") >= 2


def test_checks_of_envoys_are_answered_and_requests_of_others_are_routed(tmp_path: Path) -> None:
    builder = gateway("http", "http")
    proxy = builder.proxy("front", Kind.VIRTUAL_GATEWAY, address=ADDRESS)
    admin = ("127.0.0.1", free_port())
    bootstrap = static_bootstrap(translate(builder.snapshot(), proxy), admin)
    with running(bootstrap, tmp_path, admin):
        url = f"http://{ADDRESS}:{PORT}/ping"
        checker = {"user-agent": "Envoy/HC"}
        assert httpx.get(url, headers=checker).status_code == 200
        assert httpx.get(url).status_code == 404  # there is no gateway route
        # An Envoy that is told to fail its checks says so: others then go elsewhere.
        httpx.post(f"http://{admin[0]}:{admin[1]}/healthcheck/fail")
        assert httpx.get(url, headers=checker).status_code == 503


@pytest.mark.parametrize("validated", [False, True])
def test_over_tls_it_shows_its_own_certificate_where_one_is_asked_for(validated: bool) -> None:
    file = {"file": {"certificateChain": "/c.pem", "privateKey": "/k.pem"}}
    tls: dict[str, Any] = {"mode": "STRICT", "certificate": file}
    if validated:
        tls["validation"] = {"trust": {"file": {"certificateChain": "/ca.pem"}}}
    builder = gateway("http", "http", tls=tls)
    made = translate(builder.snapshot(), builder.proxy("front", Kind.VIRTUAL_GATEWAY))
    (cluster,) = (one for name, one in made.clusters.items() if "self_redirect" in name)
    shown = {"certificate:file:/c.pem:/k.pem"} if validated else set()
    assert cluster.refers_to == shown
