"""Somebody sets the wall clock: no wait ends earlier or later for it. The machine is started anew:
waits begin anew.
"""

from __future__ import annotations

import ast
import copy
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tealmesh.engine.scheduler import documents
from tealmesh.engine.scheduler.plan import Policy
from tealmesh.engine.scheduler.turn import Outcome, schedule
from tealmesh.engine.state import TaskState
from tealmesh.model.clock import Moment, MomentBody
from tealmesh.model.ecs.moments import note_moment
from tealmesh.model.ecs.names import cluster_of, task_id
from tealmesh.model.errors import AwsError
from tealmesh.store import Store, Transaction, tables
from tealmesh.store.commits import Order
from tealmesh.store.targets import deregister_target, drain_left, register_target
from tests.support.planes.appmesh import Direct as AppMesh
from tests.support.planes.ecs import Direct as Ecs
from tests.support.planes.engine import CLUSTER, definition, service, web

SOURCE = Path(__file__).parents[2] / "src/tealmesh"
HOUR = 3600.0
SKEWS = st.sampled_from([-HOUR, -1.0, 0.0, 1.0, HOUR])


class Machine:
    """A store on a machine whose wall clock is set at will."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.boot, self.at, self.skew = "boot-1", 100.0, 0.0
        self.store = self.open()

    def open(self) -> Store:
        return Store.open(self.path, self.wall, lambda: {"boot": self.boot, "at": self.at})  # type: ignore[arg-type]

    def wall(self) -> float:
        return 1_700_000_000.0 + self.at + self.skew

    def restart(self, boot: str = "") -> None:
        """End the control plane and start another; in another boot if one is given."""
        self.store.close()
        if boot:
            self.boot, self.at = boot, 20.0
        self.store = self.open()

    def write(self, change: Any) -> Any:
        return self.store._commits.write(Order("test", "Test", change))


@contextmanager
def machine() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory() as directory:
        made = Machine(Path(directory) / "state.db")
        try:
            yield made
        finally:
            made.store.close()


boots = st.sampled_from(["a", "b"])
bodies = st.builds(lambda boot, at: MomentBody(boot=boot, at=at), boots, st.floats(0, 1e6))


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.none() | bodies, st.floats(0, 1e5))
def test_a_moment_of_another_boot_begins_anew(
    at: float, began: float, stored: MomentBody | None, seconds: float
) -> None:
    now = Moment("a", began + at, began)
    assert 0.0 <= now.left(stored, seconds) <= seconds
    if stored is None or stored["boot"] != "a":
        assert now.since(stored) == pytest.approx(at, abs=1e-3)
    assert now.placed(stored) <= now.at
    assert now.since(now.stored()) == 0.0


def test_the_first_moment_of_a_boot_survives_restarts() -> None:
    with machine() as one:
        assert one.store.now() == Moment("boot-1", 100.0, 100.0)
        one.at = 160.0
        one.restart()
        assert one.store.now() == Moment("boot-1", 160.0, 100.0)
        one.restart("boot-2")
        one.at = 50.0
        assert one.store.now() == Moment("boot-2", 50.0, 20.0)
        one.restart()
        assert one.store.now() == Moment("boot-2", 50.0, 20.0)


# Each wait, with the wall clock set at will.


GROUP: Any = {
    "TargetGroupArn": "arn:group",
    "LoadBalancerArns": ["arn:lb"],
    "Attributes": {"deregistration_delay.timeout_seconds": "30"},
}
TARGET: Any = {"TargetGroupArn": "arn:group", "Id": "10.0.0.1", "Port": 80, "draining": False}


@given(st.lists(st.tuples(SKEWS, st.floats(0, 12)), max_size=5), st.booleans())
@settings(max_examples=25)
def test_a_target_drains_for_its_delay(steps: list[tuple[float, float]], restarts: bool) -> None:
    with machine() as one:
        one.write(lambda tx: register_target(tx, TARGET))
        one.write(lambda tx: deregister_target(tx, GROUP, "10.0.0.1:80"))
        begun = one.at
        for skew, seconds in steps:
            one.skew, one.at = skew, one.at + seconds
            if restarts:
                one.restart()
            (document,) = one.store.view.list(tables.TARGETS)
            left = drain_left(one.store.now(), document.body)
            assert left == pytest.approx(max(0.0, 30 - (one.at - begun)))
        one.restart("boot-2")
        (document,) = one.store.view.list(tables.TARGETS)
        assert drain_left(one.store.now(), document.body) == pytest.approx(30), "begun anew"


def failing(one: Machine, skews: list[float]) -> list[tuple[int, float | None]]:
    """A service whose tasks fail: after each turn, how many tasks there are, and the wait."""
    number = iter(range(10_000))
    body: Any = service("web", definition("web", 1, web())["taskDefinitionArn"], 1)
    one.write(lambda tx: tx.put(tables.ECS_SERVICES, CLUSTER, "web", body=body))

    def turn(tx: Transaction) -> Outcome:
        return schedule(tx, CLUSTER, "web", one.wall(), lambda: f"{next(number):032x}", Policy())  # type: ignore[arg-type]

    def fail(tx: Transaction) -> None:
        for document in tx.list(tables.TASKS):
            if document.body["lastStatus"] != "STOPPED":
                task: Any = copy.deepcopy(document.body)
                documents.request_stop(task, "TaskFailed", "no", one.wall(), tx.moment.stored())  # type: ignore[arg-type]
                TaskState(failed=True).write(task)
                task["lastStatus"], task["stoppedAt"] = "STOPPED", one.wall()
                note_moment(task, "stopped", tx.moment.stored())
                tx.put(tables.TASKS, cluster_of(task), task_id(task), body=task)

    seen = []
    for skew in skews:
        one.skew = skew
        outcome = one.write(turn)
        seen.append((len(one.store.view.list(tables.TASKS)), outcome.wake_after))
        one.write(fail)
        one.at += 0.7
    return seen


@given(st.lists(SKEWS, min_size=4, max_size=12))
@settings(max_examples=15)
def test_failed_tasks_are_replaced_at_the_same_times(skews: list[float]) -> None:
    with machine() as moved, machine() as still:
        assert failing(moved, skews) == failing(still, [0.0] * len(skews))


@pytest.mark.parametrize("skew", [-HOUR, HOUR])
def test_the_grace_period_of_a_task_is_as_long(skew: float) -> None:
    with machine() as one:
        task: Any = {"startedAt": one.wall()}
        note_moment(task, "started", one.store.now().stored())
        owner: Any = {"healthCheckGracePeriodSeconds": 60}
        one.skew, one.at = skew, one.at + 20
        assert documents.grace_left(owner, task, one.store.now()) == pytest.approx(40)
        one.restart("boot-2")
        assert documents.grace_left(owner, task, one.store.now()) == pytest.approx(60)


@pytest.mark.parametrize("skew", [-2 * HOUR, 2 * HOUR])
def test_a_client_token_is_known_for_an_hour(tmp_path: Path, skew: float) -> None:
    direct = AppMesh(tmp_path / "state.db")
    first = direct.call("create_mesh", meshName="m", clientToken="token")
    direct.skew = skew
    assert direct.call("create_mesh", meshName="m", clientToken="token") == first
    direct.now += HOUR + 1
    with pytest.raises(AwsError, match="already exists"):
        direct.call("create_mesh", meshName="m", clientToken="token")
    direct.close()


@pytest.mark.parametrize("skew", [-40 * 24 * HOUR, 40 * 24 * HOUR])
def test_an_operation_of_cloud_map_is_not_forgotten(tmp_path: Path, skew: float) -> None:
    direct = Ecs(tmp_path / "state.db")
    operation = direct.discovery("create_http_namespace", Name="a")
    direct.skew = skew
    direct.now += 3 * HOUR
    direct.discovery("create_http_namespace", Name="b")
    answer = direct.discovery("get_operation", **operation)["Operation"]
    assert answer["Id"] == operation["OperationId"]


# The walk: who may look at the wall clock.

WALL = {
    "model/clock.py": "is the wall clock",
    "app/dashboard/stream.py": "the time that a beat shows",
    "aws/moto/moments.py": "moto's dates",
    "seams/scaling/metrics.py": "the times of CloudWatch's metrics",
    "engine/task/log_shipping.py": "the time stamps of log events",
    "cli/": "what is shown, and the load of a demo",
}

READS = ("time.time", "time.time_ns", "datetime.now", "datetime.utcnow")


def test_the_wall_clock_is_read_in_few_places() -> None:
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        module, text = path.relative_to(SOURCE).as_posix(), path.read_text()
        if not any(name in text for name in READS):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in READS:
                found.append((module, node.lineno))
    outside = [where for where in found if not where[0].startswith(tuple(WALL))]
    assert not outside, "take a clock as an argument, and Moment or Steady for durations"
