"""Tasks that no caller can use, in the answers of our API."""

from __future__ import annotations

from tealmesh.apis.tealmesh.answers import of_mesh
from tealmesh.apis.tealmesh.health import add_callers, add_health
from tealmesh.model import wire
from tealmesh.model.health import CHECK_FAILED, Opinion, Source, TaskHealth

WEB = "mesh/m/virtualNode/web-blue"


def task(identity: str, *healthy: bool, seconds: float | None = None) -> TaskHealth:
    said = tuple(
        Opinion(Source.CALLER, "edge", one, 9.0, "" if one else CHECK_FAILED) for one in healthy
    )
    ecs = Opinion(Source.CONTAINERS, "ECS", True, 1.0)
    return TaskHealth(identity, "c", "web-blue", WEB, (ecs, *said), seconds)


def status(running: int, healthy: int) -> wire.GetStatusOutput:
    side: wire.SideStatus = {
        "side": "blue",
        "virtualNode": "web-blue",
        "weight": 100,
        "running": running,
        "desired": running,
        "healthy": healthy,
    }
    service: wire.ServiceStatus = {
        "name": "web",
        "mesh": "m",
        "hostname": "web.local",
        "port": 80,
        "sides": [side],
    }
    return {"revision": 1, "services": [service], "gateways": []}


def test_what_no_caller_can_use_is_not_healthy_and_the_worst_says_why() -> None:
    shown = status(3, 3)
    bad = [task("b1", False, seconds=4.0), task("b2", False, False, seconds=9.6)]
    add_health(shown, [task("good", True), *bad])
    (side,) = shown["services"][0]["sides"]
    assert side["healthy"] == 1
    assert side["reason"] == (
        "no caller has been able to use task b2 for 10 s: "
        "it fails the health check of edge (2 Envoys)"
    )
    assert [one.get("usable") for one in shown["health"]] == [True, False, False]
    assert shown["health"][0]["opinions"][1] == {
        "source": "caller",
        "who": "edge",
        "healthy": True,
        "since": 9.0,
    }
    assert of_mesh(shown, "m")["health"] == shown["health"]
    assert of_mesh(shown, "other")["health"] == []
    # The driver has counted them already, for gates: nothing is taken off twice.
    counted = status(3, 1)
    add_health(counted, [task("good", True), *bad])
    assert counted["services"][0]["sides"][0]["healthy"] == 1


def test_silence_takes_nothing_off() -> None:
    shown = status(2, 2)
    add_health(shown, [task("a"), task("b", True)])
    assert shown["services"][0]["sides"][0]["healthy"] == 2
    assert "usable" not in shown["health"][0]
    add_health(shown, [])
    assert "reason" not in shown["services"][0]["sides"][0]


def test_an_envoys_callers_are_counted() -> None:
    prefix = "arn:aws:ecs:r:1:task/c/"
    envoys: list[wire.EnvoyStatus] = [
        {"id": f"{prefix}{identity}", "resource": WEB, "connected": True} for identity in "ab"
    ]
    add_callers(envoys, [task("a", True, False), task("b")])
    assert (envoys[0]["callers"], envoys[0]["usableBy"]) == (2, 1)
    assert "callers" not in envoys[1]
