"""Twenty good and twenty bad releases under load, at least two of each kind: the good ones
succeed, the bad ones are rolled back, and the machinery itself loses nothing. The short form has
one of a few kinds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tealmesh.cli.demo.system import Plane
from tealmesh.cli.ready import wait_ready
from tealmesh.cli.rehearse.callers import MADE, Callers, Seen
from tealmesh.cli.rehearse.faults import Fault, Wrong
from tealmesh.cli.rehearse.stage import Stage
from tests.support.machine import REPOSITORY
from tests.support.waiting import until

TENANT = {"x-tenant": "acme"}
BAD: dict[str, Wrong] = {
    "errors": {"kind": "errors", "share": 0.2},
    "few-errors": {"kind": "errors", "share": 0.08},
    "slow": {"kind": "latency", "share": 0.7, "seconds": 1.0},
    "crash": {"kind": "crash", "requests": 30},
    "slow-start": {"kind": "slow-start", "seconds": 3600},
    "header": {"kind": "errors", "header": "x-tenant=acme"},
    "post": {"kind": "errors", "method": "POST", "share": 0.5},
    "not-found": {"kind": "errors", "status": 404},
    "unauthorized": {"kind": "errors", "status": 401},
    "hang": {"kind": "hang", "share": 0.5},
    "leak": {"kind": "leak", "requests": 30},
}

CONFIG = """
[mesh]
name = "releases"

[images]
"example/web:1" = ["python3", "app.py", "--version", "1"]

[services.web]
port = 8080
image = "example/web:1"
health_path = "/health"
desired_count = 2

[services.web.strategy]
type = "canary"
steps = [25, 50, 100]
step_time = "4s"
bake_time = "2s"
start_timeout = "30s"
step_timeout = "60s"

[services.web.gates]
success_rate = 0.99
latency = [{ quantile = 0.9, below = "500ms" }]
watch = [{ method = "POST" }, { header = "x-tenant", value = "acme" }]

[gateways.edge]
port = 9080
routes = { "/" = "web" }
"""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("kinds", "each"),
    [
        pytest.param(("errors", "post"), 1, id="short", marks=[pytest.mark.drill]),
        pytest.param(tuple(BAD), 2, id="long", marks=pytest.mark.drill),
        pytest.param(
            tuple(os.environ.get("RELEASES", "errors").split(",")),
            1,
            id="chosen",
            marks=pytest.mark.drill,
        ),
    ],
)
def test_good_releases_succeed_and_bad_ones_are_taken_back(
    tmp_path: Path, kinds: tuple[str, ...], each: int
) -> None:
    releases = [
        fault
        for number in range(each)
        for kind in kinds
        for fault in (
            Fault(f"{kind}-{number}", kind, BAD[kind]),
            Fault(f"good-{kind}-{number}", "nothing", None, succeeds=True),
        )
    ]
    (tmp_path / "teal.toml").write_text(CONFIG)
    (tmp_path / "app.py").write_text((REPOSITORY / "examples" / "sample" / "app.py").read_text())
    stage = Stage(tmp_path / "teal.toml", "web", 10.0)
    with under_load(tmp_path, stage, releases) as (plane, callers):
        told = [released(plane, stage, fault, callers) for fault in releases]
    assert not [one for one in told if one]


@contextmanager
def under_load(
    directory: Path, stage: Stage, releases: list[Fault]
) -> Iterator[tuple[Plane, list[Callers]]]:
    plane = Plane(directory)
    callers = [
        Callers(stage.url, 60),
        Callers(stage.url, 30, "POST"),
        Callers(stage.url, 30, headers=TENANT),
    ]
    try:
        plane.start()
        plane.client.apply(stage.toml(tuple(releases)), str(stage.file), stage.directory)
        wait_ready(plane.client, {"web", "edge"}, 60)
        for one in callers:
            one.start()
        time.sleep(10)  # What is compared with what was before needs a before.
        yield plane, callers
    finally:
        for one in callers:
            one.stop()
        plane.stop()


def released(plane: Plane, stage: Stage, fault: Fault, callers: list[Callers]) -> str:
    """What is wrong with how a release went; empty if nothing is. Its time is printed beside the
    planned one.
    """
    image, at, began = stage.faulty_image(fault), time.time(), time.monotonic()
    plan = plane.client.plan_deployment("web", image)
    planned = plan["expectedSeconds"]
    identity = plane.client.deploy("web", image)["deployment"]["deploymentId"]
    ended = until(
        lambda: (d := plane.client.get_deployment("web", identity)) and "finishedAt" in d and d,
        lambda: f"{fault.name}: {plane.client.get_deployment('web', identity)}",
        seconds=240,
    )
    took = time.monotonic() - began
    with ThreadPoolExecutor() as pool:
        seen = list(pool.map(lambda one: one.since(at), callers))
    times = f"after {took:.1f} s ({planned:.0f} s planned)"
    told = f"{fault.name}: {ended['status']} {times}, {shown(seen)}"
    print(told, ended.get("reason", ""), sep=": ", flush=True)
    for stage in plane.client._call(dict, service="web") if False else plan["stages"]:
        print("   ", stage["title"], stage.get("expectedSeconds"), stage.get("expectedBy"))
    for e in plane.client.explain("web", identity)["journal"]:
        print("      ", round(e["at"] - at, 1), e["transition"], e["message"][:100], flush=True)
    if fault.succeeds:
        good = ended["status"] == "SUCCESSFUL" and not any(one.failed for one in seen)
        return "" if good else told
    if ended["status"] != "ROLLBACK_SUCCESSFUL":
        return told
    ours = [reason for one in seen for reason in one.failures if reason != MADE]
    wrong = fault.wrong or {}
    return "" if not ours or wrong.get("kind") in ("hang", "leak", "crash", "latency") else told


def shown(seen: list[Seen]) -> str:
    return "; ".join(f"{one.failed} of {one.requests} ({dict(one.failures)})" for one in seen)
