"""What is shown fits the terminal, and says where a deployment is and what comes next."""

from __future__ import annotations

import io
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from tealmesh.cli.screens import render, standing
from tealmesh.cli.screens.fit import short_image, versions
from tealmesh.cli.screens.heartbeat import (
    QUIET_SECONDS,
    SECONDS,
    Heartbeat,
    addresses,
    lacks_requests,
)
from tealmesh.cli.screens.status import status_view
from tealmesh.model import wire
from tests.cli.command_line import DEPLOYMENT, STATUS

RUNNING = {
    **DEPLOYMENT,
    "status": "IN_PROGRESS",
    "state": "MEASURING",
    "steps": [10, 50, 100],
    "waitingFor": "success-rate: 44 of 100 requests to the new side",
    "secondsLeft": 250.0,
    "timeLimit": "step_timeout = 5m",
    "updatedAt": 1000.0,
}


def lines(view: RenderableType, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    with console.capture() as capture:
        console.print(view)
    return [line.rstrip() for line in capture.get().splitlines()]


def a(kind: str, **members: object) -> Any:
    return cast("Any", {**(RUNNING if kind == "running" else DEPLOYMENT), **members})


names = st.text("abcdefghij-", min_size=1, max_size=30)
images = st.builds("registry.example:5000/{}/{}:{}".format, names, names, names)


@given(st.sampled_from([60, 80, 140]), names, images, images, st.integers(0, 10**7))
def test_tables_fit_and_are_never_cut(
    width: int, name: str, old: str, new: str, requests: int
) -> None:
    side = {
        "side": "green", "image": new, "weight": 100, "share": 1.0, "running": 3, "desired": 3,
        "healthy": 3, "requests": requests, "errors": requests, "p50": 1.0, "p99": 123.4,
    }  # fmt: skip
    service = {"name": name, "mesh": name, "hostname": name, "port": 1, "sides": [side, side]}
    status = cast("wire.GetStatusOutput", {"revision": 1, "services": [service], "gateways": []})
    deployment = a("done", oldImage=old, newImage=new, deploymentId="d" * 32)
    shown = [
        *lines(status_view(status, 10, width), width),
        *lines(render.history_lines([deployment], width), width),
        *lines(render.evidence_view(deployment, width, details=False), width),
    ]
    assert all(len(line) <= width for line in shown)
    assert not any("…" in line for line in shown)
    # By the tag, versions are told apart.
    assert new.rpartition(":")[2] in "".join(line.strip() for line in shown).replace(" ", "")


@pytest.mark.parametrize("width", [60, 80, 140])
def test_history_is_one_line_a_deployment(width: int) -> None:
    shown = lines(render.history_lines([a("done"), a("done"), a("done")], width), width)
    assert len(shown) == 4
    assert all("d1" in line for line in shown[1:])
    by_ada = a("done", status="ROLLBACK_SUCCESSFUL", endedBy="ada")
    (_, line) = lines(render.history_lines([by_ada], width), width)
    assert "aborted" in line.lower()
    assert "rol" not in line.lower()


def test_where_a_deployment_is_and_what_comes_next() -> None:
    assert standing.where(a("running")) == "step 2 of 3 (50 %): MEASURING"
    assert standing.waiting(a("running"), now=1010.0) == [
        "waiting for success-rate: 44 of 100 requests to the new side",
        "rolls back in 4:00 at the latest (step_timeout = 5m)",
        "next: 100 % of the requests to green",
    ]
    assert standing.where(a("running", state="SCALING_UP")) == "SCALING_UP"
    assert standing.following(a("running", state="SCALING_UP", step=0)) == (
        "10 % of the requests to green"
    )
    assert standing.following(a("running", step=2)) == "blue gets no requests and is stopped"
    assert standing.following(a("running", state="CLEANING_UP", step=2)) == ""
    approval = standing.waiting(a("running", state="AWAITING_APPROVAL"))
    assert "`teal approve web` continues it, `teal abort web` ends it" in approval


def test_images_in_short() -> None:
    image = "registry:5000/shop/web:1.2"
    assert [short_image(image, level) for level in (0, 1, 2)] == [image, "web:1.2", ":1.2"]
    assert short_image("registry:5000/web", 2) == "web"
    assert short_image("web@sha256:" + "0123456789abcdef" * 4, 2) == "@0123456789ab"
    assert versions(image, "registry:5000/shop/web:1.3") == f"{image} → 1.3"
    assert versions(image, "other:1.3") == f"{image} → other:1.3"
    assert versions(None, "web:1") == "? → web:1"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def beats(deployments: list[tuple[float, Any]], *, terminal: bool = False) -> list[str]:
    """What is printed when these deployments are looked at, each at its time."""
    clock = Clock()
    out = Console(width=200, file=io.StringIO(), force_terminal=terminal, highlight=False)
    beat = Heartbeat(out, clock)
    for at, deployment in deployments:
        clock.now = at
        beat.look(deployment, lambda: ["http://127.0.0.1:9080/"])
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue().splitlines()


def test_without_a_terminal_it_says_now_and_then_where_it_is() -> None:
    busy = a("running", evidence=[{**RUNNING["evidence"][0], "totalRequests": 9}])  # type: ignore[index]
    said = beats([(0, busy), (SECONDS / 2, busy), (SECONDS, busy), (SECONDS + 1, busy)])
    assert len(said) == 1
    assert "step 2 of 3 (50 %): MEASURING; waiting for success-rate: 44 of 100" in said[0]
    assert beats([(0, busy), (SECONDS, busy)], terminal=True) == []
    assert beats([(0, busy), (SECONDS, a("done"))]) == []


def test_a_step_without_requests_says_once_how_to_send_some() -> None:
    quiet = a("running", evidence=[])
    assert lacks_requests(quiet)
    assert not lacks_requests(a("running", state="SCALING_UP", evidence=[]))
    looks = [(0.0, quiet), (QUIET_SECONDS, quiet), (QUIET_SECONDS + 1, quiet)]
    assert len(beats(looks, terminal=True)) == 1
    assert beats(looks) == [
        "no requests reach web: send some to http://127.0.0.1:9080/, such as with `teal load "
        "http://127.0.0.1:9080/` in another terminal"
    ]


def test_the_addresses_of_a_service() -> None:
    routes = {"/": "web", "/front": "front"}
    gateway = {**STATUS["gateways"][0], "routes": routes}  # type: ignore[index]
    status = cast("wire.GetStatusOutput", {**STATUS, "gateways": [gateway]})
    assert addresses(status, "front") == ["http://127.0.0.1:9080/front"]
    assert addresses(cast("wire.GetStatusOutput", STATUS), "web") == []
