"""Listeners with TLS: one becomes what it was not, and one without its certificate is held back."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.support import waiting
from tests.support.certificates import Authority
from tests.support.machine import free_port
from tests.support.planes.balanced import Balanced
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.elb import forward, listener, load_balancer
from tests.support.programs.backend import Backend, backend

eventually = partial(waiting.until, seconds=30)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("plane")) as started:
        yield started


@pytest.fixture(scope="module")
def balanced(plane: ControlPlane) -> Balanced:
    return Balanced(plane)


@pytest.fixture(scope="module")
def target() -> Iterator[Backend]:
    with backend("app", port=free_port()) as started:
        yield started


@pytest.fixture
def certificate(plane: ControlPlane, tmp_path: Path) -> str:
    leaf = Authority.make(tmp_path, "public").issue("web", "web.example")
    imported = plane.client("acm").import_certificate(
        Certificate=leaf.chain, PrivateKey=leaf.key_file.read_text()
    )
    return str(imported["CertificateArn"])


def group_of(balanced: Balanced, target: Backend, name: str, protocol: str) -> str:
    group = balanced.group(name, Protocol=protocol, Port=target.port)
    one = {"Id": target.address, "Port": target.port}
    balanced.elb.register_targets(TargetGroupArn=group, Targets=[one])
    return group


def status(url: str) -> int:
    """0 if nothing answers, or another protocol."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        return httpx.get(url, verify=context, timeout=5, trust_env=False).status_code
    except httpx.TransportError:
        return 0


def shown(plane: ControlPlane, name: str) -> dict[str, Any]:
    return next(
        b
        for b in json.loads(plane.teal("status", "--json").stdout)["loadBalancers"]
        if b["name"] == name
    )


def test_a_listener_becomes_tls_and_tcp_again(
    plane: ControlPlane, balanced: Balanced, target: Backend, certificate: str
) -> None:
    elb, group = balanced.elb, group_of(balanced, target, "flows", "TCP")
    arn = load_balancer(elb, balanced.network, "flows", Type="network")
    flows = listener(elb, arn, 8080, forward(group), Protocol="TCP")
    address, port = balanced.place("flows")
    eventually(lambda: status(f"http://{address}:{port}/") == 200)

    with pytest.raises(ClientError, match="certificate"):
        elb.modify_listener(ListenerArn=flows, Port=8081, Protocol="TLS")
    (same,) = elb.describe_listeners(ListenerArns=[flows])["Listeners"]
    assert (same["Port"], same["Protocol"]) == (8080, "TCP")

    (changed,) = elb.modify_listener(
        ListenerArn=flows, Protocol="TLS", Certificates=[{"CertificateArn": certificate}]
    )["Listeners"]
    assert (changed["Port"], changed["Protocol"]) == (8080, "TLS")
    eventually(lambda: status(f"https://{address}:{port}/") == 200)

    elb.modify_listener(ListenerArn=flows, Protocol="TCP")
    eventually(lambda: status(f"http://{address}:{port}/") == 200)


def test_a_listener_without_its_certificate_holds_nothing_else_back(
    plane: ControlPlane, balanced: Balanced, target: Backend, certificate: str
) -> None:
    elb, group = balanced.elb, group_of(balanced, target, "front", "HTTP")
    arn = load_balancer(elb, balanced.network, "front")
    listener(elb, arn, 8080, forward(group))
    certificates = [{"CertificateArn": certificate}]
    listener(elb, arn, 8443, forward(group), Protocol="HTTPS", Certificates=certificates)
    address, port = balanced.place("front")
    eventually(lambda: status(f"http://{address}:{port}/") == 200)
    eventually(lambda: status(f"https://{address}:8443/") == 200)

    plane.client("acm").delete_certificate(CertificateArn=certificate)
    plane.kill9()
    plane.start()
    problem = f"HTTPS 8443 does not listen: {certificate}: there is no such certificate"
    eventually(lambda: shown(plane, "front").get("problem") == problem)
    # What changes from now on still reaches the Envoy.
    listener(elb, arn, 8082, forward(group))
    eventually(lambda: status(f"http://{address}:8082/") == 200)
    assert status(f"http://{address}:{port}/") == 200
    assert problem in plane.teal("doctor", check=False).stdout.replace("\n", " ")

    (held,) = (
        one["ListenerArn"]
        for one in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
        if one["Port"] == 8443
    )
    leaf = plane.client("acm").request_certificate(DomainName="web.example")["CertificateArn"]
    elb.modify_listener(ListenerArn=held, Certificates=[{"CertificateArn": leaf}])
    eventually(lambda: status(f"https://{address}:8443/") == 200)
    eventually(lambda: "problem" not in shown(plane, "front"))
