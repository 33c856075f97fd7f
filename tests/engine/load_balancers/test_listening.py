"""Load balancers made by boto3 listen, and go on listening whatever happens to us."""

from __future__ import annotations

import json
import os
import signal
import ssl
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import dns.message
import dns.query
import httpx
import pytest

from tests.support import waiting
from tests.support.machine import free_port
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.programs.backend import Backend, backend

eventually = partial(waiting.until, seconds=30)


@pytest.fixture(scope="module")
def dns_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory, dns_port: int) -> Iterator[ControlPlane]:
    options = ["--dns-port", str(dns_port)]
    with control_plane(tmp_path_factory.mktemp("plane"), options=options) as started:
        yield started


class Balancer:
    """A load balancer in front of one backend."""

    def __init__(
        self,
        plane: ControlPlane,
        name: str,
        target: Backend,
        port: int = 80,
        kind: Literal["application", "network"] = "application",
    ) -> None:
        self.plane = plane
        self.name = name
        self.protocol = "HTTP" if kind == "application" else "TCP"
        self.elb = plane.client("elbv2")
        ec2 = plane.client("ec2")
        subnets = [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]][:2]
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        made = self.elb.create_load_balancer(Name=name, Subnets=subnets, Type=kind)[
            "LoadBalancers"
        ][0]
        self.arn, self.dns_name = made["LoadBalancerArn"], made["DNSName"]
        self.group = self.elb.create_target_group(
            Name=name, Protocol=self.protocol, Port=target.port, VpcId=vpc, TargetType="ip",
            HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=3,
        )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
        self.elb.register_targets(
            TargetGroupArn=self.group, Targets=[{"Id": target.address, "Port": target.port}]
        )
        self.listen(port)

    def listen(self, port: int) -> None:
        self.elb.create_listener(
            LoadBalancerArn=self.arn, Protocol=self.protocol, Port=port,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )  # fmt: skip

    def status(self) -> dict[str, Any]:
        shown = json.loads(self.plane.teal("status", "--json").stdout)
        return next(s for s in shown["loadBalancers"] if s["name"] == self.name)

    def url(self, port: int = 80) -> str:
        status = self.status()
        local = next(one["localPort"] for one in status["listeners"] if one["port"] == port)
        return f"http://{status['address']}:{local}"

    def healthy(self) -> bool:
        described = self.elb.describe_target_health(TargetGroupArn=self.group)
        states = [d["TargetHealth"]["State"] for d in described["TargetHealthDescriptions"]]
        return states == ["healthy"]

    def pid(self) -> int:
        """The process of its Envoy."""
        return pid_of(self.plane.directory, self.name)


def pid_of(directory: Path, name: str) -> int:
    homes = (directory / "data" / "load-balancers" / name).glob("envoy-*/pid")
    newest = max(homes, key=lambda path: int(path.parent.name.rpartition("-")[2]))
    return int(newest.read_text().split()[0])


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def answer(url: str, host: str = "") -> httpx.Response:
    return httpx.get(url, headers={"host": host} if host else {}, timeout=10, trust_env=False)


def answers(url: str) -> bool:
    try:
        return answer(url).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def target() -> Iterator[Backend]:
    with backend("app", port=free_port()) as started:
        yield started


@pytest.fixture(scope="module")
def balancer(plane: ControlPlane, target: Backend) -> Balancer:
    made = Balancer(plane, "front", target)
    eventually(made.healthy)
    return made


def test_it_answers_for_its_target(balancer: Balancer) -> None:
    eventually(lambda: answers(balancer.url()))
    assert answer(balancer.url() + "/a").json()["path"] == "/a"


def test_its_name_resolves(balancer: Balancer, dns_port: int) -> None:
    question = dns.message.make_query(balancer.dns_name.upper(), "A")
    answered = dns.query.udp(question, "127.0.0.1", timeout=5, port=dns_port)
    assert [record.address for record in answered.answer[0]] == [balancer.status()["address"]]


def test_the_host_header_selects_it(balancer: Balancer, plane: ControlPlane) -> None:
    url = f"http://127.0.0.1:{plane.lb_port}/by-host"
    eventually(lambda: answers_by_host(url, balancer.dns_name))
    shown = answer(url, balancer.dns_name).json()
    assert (shown["name"], shown["path"]) == ("app", "/by-host")
    assert answer(url, f"{balancer.dns_name}:{plane.lb_port}").status_code == 200
    unknown = answer(url, "other.us-east-1.elb.amazonaws.com")
    assert (unknown.status_code, "no load balancer" in unknown.text) == (404, True)


def test_the_host_header_selects_a_network_load_balancer(
    plane: ControlPlane, target: Backend
) -> None:
    flows = Balancer(plane, "flows", target, kind="network")
    url = f"http://127.0.0.1:{plane.lb_port}/tcp"
    eventually(lambda: answers_by_host(url, flows.dns_name))
    assert answer(url, flows.dns_name).json()["path"] == "/tcp"


def answers_by_host(url: str, host: str) -> bool:
    try:
        return answer(url, host).status_code == 200
    except httpx.TransportError:
        return False


def test_it_goes_on_without_a_control_plane_and_is_adopted(
    balancer: Balancer, plane: ControlPlane
) -> None:
    url, pid = balancer.url(), balancer.pid()
    plane.kill9()
    assert answer(url + "/alone").status_code == 200
    plane.start()
    assert answer(url).status_code == 200
    # What changes now reaches the same Envoy.
    balancer.listen(8081)
    eventually(lambda: "localPort" in balancer.status()["listeners"][-1])
    eventually(lambda: answers(balancer.url(8081)))
    assert balancer.pid() == pid


def test_an_envoy_that_dies_is_replaced(balancer: Balancer) -> None:
    pid = balancer.pid()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: balancer.pid() != pid and answers(balancer.url()))
    eventually(balancer.healthy)


def test_a_deleted_one_stops_listening(plane: ControlPlane, target: Backend) -> None:
    made = Balancer(plane, "brief", target)
    eventually(made.healthy)
    url, pid = made.url(), made.pid()
    assert answer(url).status_code == 200
    made.elb.delete_load_balancer(LoadBalancerArn=made.arn)
    eventually(lambda: not runs(pid))
    assert not answers(url)
    shown = json.loads(plane.teal("status", "--json").stdout)["loadBalancers"]
    assert "brief" not in [one["name"] for one in shown]
    # One of the same name gets an Envoy of its own.
    again = Balancer(plane, "brief-2", target)
    eventually(again.healthy)


def test_teal_down_ends_them(tmp_path: Path, target: Backend) -> None:
    with control_plane(tmp_path) as plane:
        made = Balancer(plane, "short", target)
        eventually(made.healthy)
        url, pids = made.url(), [made.pid(), pid_of(tmp_path, "_by-host")]
        plane.down()
        assert [runs(pid) for pid in pids] == [False, False]
        plane.start()
        eventually(lambda: answers(url))


def test_an_https_listener_serves_the_certificate_of_acm(
    balancer: Balancer, plane: ControlPlane
) -> None:
    """A public one, whose key ACM does not export."""
    acm = plane.client("acm")
    arn = acm.request_certificate(DomainName="shop.example", ValidationMethod="DNS")[
        "CertificateArn"
    ]
    balancer.elb.create_listener(
        LoadBalancerArn=balancer.arn, Protocol="HTTPS", Port=443,
        Certificates=[{"CertificateArn": arn}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": balancer.group}],
    )  # fmt: skip
    eventually(lambda: "localPort" in port_of(balancer.status(), 443))
    address, port = balancer.status()["address"], port_of(balancer.status(), 443)["localPort"]
    expected = acm.get_certificate(CertificateArn=arn)["Certificate"]
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    url = f"https://{address}:{port}/secret"
    eventually(lambda: encrypted(url, context))
    assert encrypted(url, context) == 200
    served = ssl.get_server_certificate((address, port))
    assert ssl.PEM_cert_to_DER_cert(served) == ssl.PEM_cert_to_DER_cert(expected)


def port_of(status: dict[str, Any], port: int) -> dict[str, Any]:
    return next(one for one in status["listeners"] if one["port"] == port)


def encrypted(url: str, context: ssl.SSLContext) -> int:
    """The status that is answered; 0 while nothing is."""
    try:
        return httpx.get(url, verify=context, timeout=10, trust_env=False).status_code
    except httpx.TransportError:
        return 0
