"""How often Envoys report: what the configuration of each lets it do, by what is deployed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.envoy import reporting
from tealmesh.envoy.resources import Resource
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Kind, MeshSnapshot
from tealmesh.model.traffic.windows import REPORT_SECONDS
from tests.support.meshes.builder import MeshBuilder
from tests.support.meshes.translation import translate
from tests.support.programs.envoy import decoded

NODES = [f"n{number}" for number in range(500)]
AT = "run/admin.sock"


def every(resource: Resource) -> float:
    """Seconds between two questions."""
    (check,) = decoded(resource).health_checks
    intervals = {
        check.interval.ToMilliseconds(),
        check.no_traffic_interval.ToMilliseconds(),
        check.unhealthy_interval.ToMilliseconds(),
    }
    assert len(intervals) == 1
    return float(intervals.pop()) / 1000


def mesh(instances: int) -> MeshBuilder:
    """``web`` is called by ``busy`` and by the gateway; ``idle`` calls nothing, and has as many
    instances as are wanted.
    """
    made = MeshBuilder()
    made.node("web")
    made.node("idle")
    made.instances("idle", *(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(instances)))
    made.service("web.local", "web")
    made.route("web", "all", {"web": 1})
    made.caller("busy", "web.local")
    made.gateway("front")
    made.gateway_route("front", "all", "web.local")
    return made


def pauses(made: MeshBuilder, snapshot: MeshSnapshot) -> dict[str, float]:
    """By the Envoys of nodes and the gateway."""
    proxies = [made.proxy(name, reports_at=AT) for name in ("web", "idle", "busy")]
    proxies.append(made.proxy("front", Kind.VIRTUAL_GATEWAY, reports_at=AT))
    found = [translate(snapshot, proxy).clusters[reporting.CLUSTER] for proxy in proxies]
    return {proxy.name: every(one) for proxy, one in zip(proxies, found, strict=True)}


def test_few_envoys_report_often_and_an_envoy_with_a_clock_is_left_alone() -> None:
    made = mesh(100)
    assert set(pauses(made, made.snapshot()).values()) == {REPORT_SECONDS}
    assert reporting.CLUSTER not in translate(made.snapshot(), made.proxy("busy")).clusters


def test_of_many_only_those_that_a_deployment_is_judged_by_report_often() -> None:
    made = mesh(10_000)
    idle, deployed = made.snapshot(), replace(made.snapshot(), deployed=frozenset({"web"}))
    assert min(pauses(made, idle).values()) >= 10
    seen = pauses(made, deployed)
    assert seen["busy"] == seen["front"] == REPORT_SECONDS
    assert min(seen["web"], seen["idle"]) >= 10


def test_callers_share_what_can_be_heard_of_them() -> None:
    made = mesh(0)
    made.instances("busy", "10.0.0.1")
    cloud_map = {"awsCloudMap": {"namespaceName": "ns", "serviceName": "busy"}}
    made.caller("busy", "web.local", serviceDiscovery=cloud_map)
    made.instances("busy", *(f"10.1.{n >> 8}.{n & 255}" for n in range(8_000)))
    seen = pauses(made, replace(made.snapshot(), deployed=frozenset({"web"})))
    assert seen["busy"] in (8.0, 16.0)


@given(st.integers(0, 200_000))
def test_all_together_report_about_as_often_as_they_may(envoys: int) -> None:
    pause = [reporting.seconds(envoys, 400, name) for name in NODES]
    assert all(REPORT_SECONDS <= one <= reporting.LONGEST_SECONDS for one in pause)
    if 100 <= envoys <= 20_000:
        a_second = sum(envoys / len(NODES) / one for one in pause)
        assert 200 <= a_second <= 600


@given(st.integers(101, 12_000))
def test_one_more_task_changes_what_few_nodes_do(envoys: int) -> None:
    steps = {name: reporting.seconds(envoys, 400, name) for name in NODES}
    after = {name: reporting.seconds(envoys + 1, 400, name) for name in NODES}
    assert sum(steps[name] != after[name] for name in NODES) <= 30


@pytest.mark.parametrize("at", ["run/admin.sock", "/x/y:z", "127.0.0.1:9901", "[::1]:9901"])
def test_where_an_envoy_asks_itself(at: str) -> None:
    address = reporting.place(at)
    assert address.HasField("pipe") == ("/" in at)


@pytest.mark.parametrize("at", ["", "x" * 108, "127.0.0.1:0", "127.0.0.1:99999", "::1:", "a\0b"])
def test_what_is_no_place_is_refused(at: str) -> None:
    with pytest.raises(TealError):
        reporting.place(at)
