"""Twenty good and twenty bad releases under load, at least two of each kind: the good ones
succeed within one and a half times the planned time, the bad ones are rolled back, and the
machinery itself loses nothing.

The short form has one of a few kinds and takes two minutes; ``RELEASES=hang,leak`` chooses others.
The long form takes 21 minutes on two cores.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tealmesh.cli.demo.system import Plane
from tealmesh.cli.following.ready import wait_ready
from tealmesh.cli.rehearse.callers import MADE, Callers, Seen
from tealmesh.cli.rehearse.faults import Fault, Wrong
from tealmesh.cli.rehearse.stage import Stage
from tealmesh.model import wire
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


OWN: dict[str, set[str]] = {
    "crash": {"status 503"},
    "hang": {"timeout"},
    "leak": {"timeout"},
}
"""By kind, how requests fail by the bad version itself, besides those that it answers."""

WITHIN = 1.5
"""Good releases take at most so many times the planned time."""


@pytest.mark.timeout(3600)
@pytest.mark.drill
@pytest.mark.parametrize(
    ("kinds", "each"),
    [
        pytest.param(os.environ.get("RELEASES", "errors,post").split(","), 1, id="short"),
        pytest.param(list(BAD), 2, id="long"),
    ],
)
def test_good_releases_succeed_and_bad_ones_are_taken_back(
    tmp_path: Path, kinds: list[str], each: int
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
        wrong = [found for fault in releases if (found := released(plane, stage, fault, callers))]
    assert not wrong, "\n".join(wrong)


@contextmanager
def under_load(
    directory: Path, stage: Stage, releases: list[Fault]
) -> Iterator[tuple[Plane, list[Callers]]]:
    plane = Plane(directory)
    callers = [
        Callers(stage.url, 60),
        Callers(stage.url, 40, "POST"),
        Callers(stage.url, 40, headers=TENANT),
    ]
    try:
        plane.start()
        plane.client.apply(stage.toml(tuple(releases)), str(stage.file), stage.directory)
        wait_ready(plane.client, {"web", "edge"}, 60)
        for one in callers:
            one.start()
        # What is compared with what was before needs a before.
        until(lambda: traffic(plane)["bearing"] == "ok", lambda: traffic(plane)["detail"])
        yield plane, callers
    finally:
        for one in callers:
            one.stop()
        plane.stop()


def traffic(plane: Plane) -> wire.KnownFact:
    """What a plan knows of the service's traffic."""
    known = plane.client.plan_deployment("web", "example/web:1", force=True)["known"]
    return next(fact for fact in known if fact["about"] == "traffic")


def released(plane: Plane, stage: Stage, fault: Fault, callers: list[Callers]) -> str:
    """What is wrong with how a release went; empty if nothing is. Its time is printed beside the
    planned one.
    """
    image, at, began = stage.faulty_image(fault), time.time(), time.monotonic()
    plan = plane.client.plan_deployment("web", image)
    identity = plane.client.deploy("web", image)["deployment"]["deploymentId"]
    present = partial(plane.client.get_deployment, "web", identity)
    until(lambda: "finishedAt" in present(), lambda: f"{fault.name}: {present()}", seconds=240)
    took, ended = time.monotonic() - began, present()
    with ThreadPoolExecutor() as pool:
        seen = list(pool.map(lambda one: one.since(at), callers))
    told = f"{fault.name}: {ended['status']} after {took:.1f} s"
    told += f" ({plan['expectedSeconds']:.0f} s planned), {shown(seen)}"
    print(told, ended.get("reason", ""), sep=": ", flush=True)
    if wrong := unexpected(fault, ended, seen, plan, took):
        return f"{wrong}: {told}\n{compared(plane, plan, identity)}"
    return ""


def unexpected(
    fault: Fault,
    ended: wire.Deployment,
    seen: list[Seen],
    plan: wire.PlanDeploymentOutput,
    took: float,
) -> str:
    """What is not as it should be; empty if all is."""
    reasons = {reason for one in seen for reason in one.failures}
    if not fault.succeeds:
        kind = fault.wrong["kind"] if fault.wrong else ""
        if ended["status"] != "ROLLBACK_SUCCESSFUL":
            return "a bad release was not rolled back"
        return "lost by the machinery" if reasons - {MADE} - OWN.get(kind, set()) else ""
    if ended["status"] != "SUCCESSFUL":
        return "a good release did not succeed"
    if plan["uncertain"]:
        return f"nobody knew how long it takes: {', '.join(plan['uncertain'])}"
    if took > WITHIN * plan["expectedSeconds"]:
        return "longer than planned"
    return "a good release lost requests" if reasons else ""


def compared(plane: Plane, plan: wire.PlanDeploymentOutput, identity: str) -> str:
    """The planned stages, and the journal."""
    stages = (
        f"  {stage['title']}: {stage.get('expectedSeconds')} ({stage.get('expectedBy')})"
        for stage in plan["stages"]
    )
    journal = plane.client.explain("web", identity)["journal"]
    began = journal[0]["at"]
    entries = (f"  {e['at'] - began:.1f} {e['transition']} {e['message']}" for e in journal)
    return "\n".join([*stages, *entries])


def shown(seen: list[Seen]) -> str:
    return "; ".join(f"{one.failed} of {one.requests} ({dict(one.failures)})" for one in seen)
