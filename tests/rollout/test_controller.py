"""The controller with a fake driver: forward, back, and through restarts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tealmesh.model.config.strategies import Gates
from tealmesh.model.errors import AwsError, DriverError, NotYet
from tealmesh.model.rollout import Deployment, JournalEntry, State, Status
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.documents import deployments, windows
from tealmesh.store import Store, tables
from tests.rollout.world import (
    CONVERGED,
    Bench,
    Clock,
    running_world,
    system,
    until_finished,
)


class Killed(BaseException):
    """Stands for SIGKILL: the controller does nothing after it."""


def bench(path: Path, gates: Gates | None = None) -> Bench:
    clock = Clock()
    return Bench(path, clock, running_world(clock), system(gates=gates))


def run(
    b: Bench, image: str = "web:2", meanwhile: Callable[[Store, Controller], object] | None = None
) -> Deployment:
    """Deploy ``image`` and wait for the end."""

    async def scenario() -> Deployment:
        store, controller = b.open()
        await b.put_system(store)
        running = asyncio.create_task(controller.run())
        await controller.deploy("tester", b.service.name, image)
        if meanwhile:
            await meanwhile(store, controller)  # type: ignore[misc]
        finished = await until_finished(store, "web")
        await stop(running)
        store.close()
        return finished

    return asyncio.run(scenario())


async def until_state(controller: Controller, *states: State) -> None:
    while (live := controller.running("web")) is None or live.state not in states:  # noqa: ASYNC110
        await asyncio.sleep(0.001)


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def journal(path: Path, deployment: str) -> list[JournalEntry]:
    store = Store.open(path / "state.db")
    entries = [JournalEntry.from_json(d.body) for d in store.view.list(tables.JOURNAL, deployment)]
    store.close()
    return entries


FORWARD = [
    "CREATED", "SCALING_UP", "ADDING_TARGET", "CONVERGING_TARGET", "VERIFYING",
    "SHIFTING", "CONVERGING", "MEASURING",
    "SHIFTING", "CONVERGING", "MEASURING",
    "SHIFTING", "CONVERGING", "MEASURING",
    "BAKING", "CLEANING_UP", "SUCCEEDED",
]  # fmt: skip


def test_canary_goes_through_every_step_and_keeps_evidence(tmp_path: Path) -> None:
    b = bench(tmp_path)
    done = run(b)
    assert done.status is Status.SUCCESSFUL, done.reason
    assert [e.transition for e in journal(tmp_path, done.id)] == FORWARD
    assert b.driver.weights == {"blue": 0, "green": 100}
    assert list(b.driver.sides) == ["green"]
    assert [e.expected_share for e in done.evidence] == [0.1, 0.5, 1.0]
    for evidence in done.evidence:
        assert evidence.requests >= 100
        assert evidence.failures == 0
        assert evidence.propagation is not None
        assert abs((evidence.share or 0) - evidence.expected_share) < 0.02
        assert {v.verdict for v in evidence.verdicts if v.gate != "errors"} == {"PASS"}
    compared = [v.verdict for e in done.evidence for v in e.verdicts if v.gate == "errors"]
    assert compared == ["NEED_DATA", "PASS"]
    with contextlib.closing(Store.open(tmp_path / "state.db")) as store:
        kept = windows(store.view, done.id)
    assert [window.index for window in kept] == list(range(done.comparison.windows))
    assert {window.step for window in kept} == {0, 1, 2}
    assert kept[-1] == done.comparison.last
    assert b.driver.lost == []


def test_one_error_in_five_is_rolled_back_with_evidence(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.driver.failure_rates = {"web:2": 0.2}
    done = run(b)
    assert done.status is Status.ROLLBACK_SUCCESSFUL
    assert b.driver.weights == {"blue": 100, "green": 0}
    assert list(b.driver.sides) == ["blue"]
    assert "success-rate" in done.reason
    assert done.evidence[-1].failures > 0
    assert done.evidence[-1].expected_share == 0.1
    assert b.driver.lost == []


@pytest.mark.parametrize("seconds", [-3600.0, 3600.0, 31_536_000.0])
@pytest.mark.parametrize("failure_rate", [0.0, 0.2])
def test_the_wall_clock_may_be_set_in_every_state(
    tmp_path: Path, seconds: float, failure_rate: float
) -> None:
    paths = [tmp_path / name for name in ("still", "moved")]
    journals = []
    for path, step in zip(paths, (0.0, seconds), strict=True):
        path.mkdir()
        b = bench(path)
        b.driver.failure_rates = {"web:2": failure_rate}
        wall = [1_700_000_000.0]
        b.wall = lambda wall=wall: wall[0]  # type: ignore[misc]

        def move(entry: JournalEntry, wall: list[float] = wall, step: float = step) -> None:
            wall[0] += step

        b.on_transition = move
        journals.append([entry.transition for entry in journal(path, run(b).id)])
    assert journals[0] == journals[1]
    assert journals[0][-1] == ("ROLLED_BACK" if failure_rate else "SUCCEEDED")


def test_a_deployment_begun_before_the_controller_runs_has_one_worker(tmp_path: Path) -> None:
    """Its API answers from the moment when it listens, which may be earlier."""

    async def scenario() -> set[str]:
        b = bench(tmp_path)
        store, controller = b.open()
        await b.put_system(store)
        await controller.deploy("tester", "web", "web:2")
        running = asyncio.create_task(controller.run())
        await until_state(controller, State.ADDING_TARGET)
        await stop(running)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        store.close()
        return {task.get_name() for task in left}

    assert asyncio.run(scenario()) == set()


def test_tasks_that_die_are_explained_by_their_last_words(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.driver.bad_images = {"web:2": "Essential container in task exited: no such table: users"}
    done = run(b)
    assert done.status is Status.ROLLBACK_SUCCESSFUL
    assert "no such table: users" in done.reason
    assert b.driver.weights == {"blue": 100, "green": 0}
    assert not done.evidence


def test_an_envoy_that_refuses_its_configuration_stops_the_deployment(tmp_path: Path) -> None:
    b = bench(tmp_path)

    async def refuse(store: Store, controller: Controller) -> None:
        await until_state(controller, State.MEASURING)
        envoy = "arn:aws:ecs:us-east-1:123456789012:task/shop/6cb8dbb5c81d45238c55b845e5f6eaec"
        b.answer = replace(
            CONVERGED, converged=False, waiting=(envoy,), rejected={envoy: "bad regex\n"}
        )
        await until_state(controller, State.ROLLING_BACK, State.CONVERGING_BACK)
        b.answer = CONVERGED

    done = run(b, meanwhile=refuse)
    assert done.status is Status.ROLLBACK_SUCCESSFUL
    # By the name that `teal envoys` has for it, and in one line.
    assert done.reason.endswith("rejects its configuration: task 6cb8dbb5: bad regex")


def test_a_failing_call_is_tried_again_when_it_may_work_later(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.driver.broken = {
        "ensure_side": DriverError("connection refused", retryable=True),
        "set_weights": DriverError("throttled", retryable=True),
        "stop_side": DriverError("throttled", retryable=True),
    }
    done = run(b)
    assert done.status is Status.SUCCESSFUL, done.reason
    assert b.driver.broken == {}


def test_a_side_that_is_not_ready_is_waited_for(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.driver.broken = {"ensure_side": NotYet("the tasks of web-green with web:0 to stop")}
    waits: list[str] = []

    async def watch(store: Store, controller: Controller) -> None:
        while live := controller.running("web"):
            waits.append(live.waiting_for)
            await asyncio.sleep(0)

    assert run(b, meanwhile=watch).status is Status.SUCCESSFUL
    assert "the tasks of web-green with web:0 to stop" in waits


def test_a_call_that_is_refused_rolls_back_with_its_message(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.driver.broken = {"ensure_side": DriverError("no such image: web:2", retryable=False)}
    done = run(b)
    assert done.status is Status.ROLLBACK_SUCCESSFUL
    assert done.reason == "no such image: web:2"


def test_approval_is_waited_for(tmp_path: Path) -> None:
    b = bench(tmp_path, Gates(approval=True))
    waited: list[dict[str, int]] = []

    async def approve(store: Store, controller: Controller) -> None:
        await until_state(controller, State.AWAITING_APPROVAL)
        waited.append(dict(b.driver.weights))
        await controller.approve("root", "web")

    assert run(b, meanwhile=approve).status is Status.SUCCESSFUL
    assert waited == [{"blue": 100, "green": 0}]


def test_rollback_aborts_the_running_deployment(tmp_path: Path) -> None:
    b = bench(tmp_path)

    async def abort(store: Store, controller: Controller) -> None:
        await until_state(controller, State.MEASURING)
        await controller.rollback("tester", b.service.name)

    done = run(b, meanwhile=abort)
    assert done.status is Status.ROLLBACK_SUCCESSFUL
    assert done.reason == "aborted by tester"
    assert b.driver.weights == {"blue": 100, "green": 0}


def test_rollback_after_success_deploys_the_image_before(tmp_path: Path) -> None:
    b = bench(tmp_path)

    async def scenario() -> list[Deployment]:
        store, controller = b.open()
        await b.put_system(store)
        with pytest.raises(AwsError, match="no earlier image"):
            await controller.rollback("tester", b.service.name)
        await controller.deploy("tester", b.service.name, "web:2", token="one")
        again = await controller.deploy("tester", b.service.name, "web:2", token="one")
        b.driver.weights = {"blue": 50, "green": 50}
        with pytest.raises(AwsError, match="a deployment of web to web:2 is running"):
            await controller.deploy("tester", b.service.name, "web:3")
        b.driver.weights = {"blue": 100}
        running = asyncio.create_task(controller.run())
        with pytest.raises(AwsError, match="was used for"):
            await controller.deploy("tester", b.service.name, "web:3", token="one")
        first = await until_finished(store, "web")
        assert first.id == again.id
        b.gone.add("web:1")
        with pytest.raises(AwsError, match="web cannot go back: image 'web:1' is gone"):
            await controller.rollback("tester", b.service.name)
        b.gone.clear()
        await controller.rollback("tester", b.service.name)
        await until_finished(store, "web")
        newest_first = deployments(store.view, "web")
        await stop(running)
        store.close()
        return newest_first

    back, first = asyncio.run(scenario())
    assert (first.new_image, first.new_side) == ("web:2", "green")
    assert (back.new_image, back.new_side) == ("web:1", "blue")
    assert back.status is Status.SUCCESSFUL
    assert first.comparison.old_since == 0.0
    # What callers saw of green before was another version.
    assert first.created_at < back.comparison.old_since <= first.entered_at
    assert b.driver.weights == {"blue": 100, "green": 0}


@pytest.mark.parametrize("failing", [False, True], ids=["good", "failing"])
def test_a_kill_at_every_transition_changes_nothing_about_the_end(
    tmp_path: Path, failing: bool
) -> None:
    """SIGKILL after each committed transition, before and while its effects are performed."""
    undisturbed = bench(tmp_path / "undisturbed")
    undisturbed.driver.failure_rates = {"web:2": 0.2 if failing else 0.0}
    expected = run(undisturbed)
    transitions = len(journal(undisturbed.path, expected.id))
    for nth in range(1, transitions + 1):
        b = bench(tmp_path / str(nth))
        b.driver.failure_rates = {"web:2": 0.2 if failing else 0.0}
        done, resumed = _killed_after(b, nth)
        assert done.status is expected.status, (nth, done.reason)
        assert b.driver.weights == undisturbed.driver.weights
        assert list(b.driver.sides) == list(undisturbed.driver.sides)
        assert b.driver.lost == [], nth
        entries = journal(b.path, done.id)
        assert [e.sequence for e in entries] == list(range(1, len(entries) + 1))
        assert sum(e.transition == "RESUMED" for e in entries) == resumed


def _killed_after(b: Bench, nth: int) -> tuple[Deployment, int]:
    """The finished deployment, and how many times it was resumed."""

    async def first_life() -> bool:
        """Whether the deployment was finished when the control plane died."""
        died = asyncio.Event()

        def kill(entry: JournalEntry) -> None:
            if entry.sequence == nth:
                died.set()
                raise Killed

        b.on_transition = kill
        store, controller = b.open()
        await b.put_system(store)
        running = asyncio.create_task(controller.run())
        await asyncio.sleep(0)  # It has found nothing to resume.
        with contextlib.suppress(Killed):
            await controller.deploy("tester", b.service.name, "web:2")
        await died.wait()
        await stop(running)
        finished = deployments(store.view, "web")[0].finished
        store.close()
        return finished

    async def second_life() -> Deployment:
        b.on_transition = None
        store, controller = b.open()
        running = asyncio.create_task(controller.run())
        finished = await until_finished(store, "web")
        await stop(running)
        store.close()
        return finished

    finished = asyncio.run(first_life())
    return asyncio.run(second_life()), 0 if finished else 1
