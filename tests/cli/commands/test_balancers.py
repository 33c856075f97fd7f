"""Load balancers in status and doctor: where each listens, and what is wrong."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console, Group

from tealmesh.cli.screens.balancers import balancer_parts
from tests.cli.command_line import STATUS, teal
from tests.cli.teal_api import TealApi

BALANCER: dict[str, Any] = {
    "name": "front",
    "loadBalancerArn": "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/front/1",
    "type": "application",
    "dnsName": "front-1.us-east-1.elb.amazonaws.com",
    "address": "127.7.250.2",
    "listeners": [
        {"port": 80, "protocol": "HTTP", "localPort": 8080},
        {"port": 443, "protocol": "HTTPS", "localPort": 8443},
    ],
    "healthy": 2,
    "registered": 3,
}


def answer(api: TealApi, *balancers: dict[str, Any], **members: Any) -> None:
    api.operations["GetStatus"] = lambda _: {**STATUS, "loadBalancers": balancers, **members}


def test_status_shows_where_each_listener_is(api: TealApi) -> None:
    answer(api, BALANCER, byHostPort=4580)
    lines = teal("status", endpoint=api.endpoint).stdout.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("LOAD BALANCER"))
    first, second, name, by_name = (line.split() for line in lines[start + 1 : start + 5])
    assert first == ["front", "application", "HTTP", "80", "http://127.7.250.2:8080", "2/3"]
    assert second == ["HTTPS", "443", "https://127.7.250.2:8443"]
    assert name == ["front-1.us-east-1.elb.amazonaws.com"]
    assert by_name[-1] == "http://127.0.0.1:4580/"


def test_status_shows_load_balancers_alone(api: TealApi) -> None:
    answer(api, {**BALANCER, "problem": "no Envoy was found"}, services=[], gateways=[])
    shown = teal("status", endpoint=api.endpoint).stdout
    assert shown.startswith("LOAD BALANCER")
    assert "front: no Envoy was found" in shown


def test_doctor_says_what_is_wrong(api: TealApi) -> None:
    api.operations["ListEnvoys"] = lambda _: {"envoys": []}
    answer(api, BALANCER, byHostProblem="port 4580 is in use")
    shown = teal("doctor", endpoint=api.endpoint).stdout
    assert "wrong load balancer front: 2 of 3 targets healthy" in " ".join(shown.split())
    assert "load balancers by name: port 4580 is in use" in shown


def test_doctor_says_which_ports_are_mapped(api: TealApi) -> None:
    api.operations["ListEnvoys"] = lambda _: {"envoys": []}
    answer(api, {**BALANCER, "healthy": 3})
    shown = teal("doctor", endpoint=api.endpoint).stdout
    assert "80 is 8080 of 127.7.250.2, 443 is 8443 of 127.7.250.2" in shown


def test_an_address_is_whole_on_a_narrow_terminal() -> None:
    name = "a-load-balancer-with-a-long-name"
    status = {**STATUS, "loadBalancers": [{**BALANCER, "name": name}]}
    out = Console(width=80, file=io.StringIO())
    out.print(Group(*balancer_parts(status, out.width)))
    shown = out.file.getvalue()
    assert "https://127.7.250.2:8443" in shown
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80
