"""People steer deployments: promote, pause, replace, retry, lock, and keep the old side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tealmesh.model.config.strategies import Gates, StepSettings
from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import Deployment, State, Status
from tealmesh.rollout import documents
from tealmesh.rollout import journal as words
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.running.stored import kept
from tealmesh.store import Store, tables
from tests.rollout.test_controller import journal, stop, until_state
from tests.rollout.world import CANARY, Bench, Clock, running_world, system, until_finished

LONG = replace(CANARY, step_time=1e6, bake_time=1e6)
"""Steps that only a person ends."""
Scenario = Callable[[Bench, Store, Controller], Awaitable[Any]]


def play(
    path: Path,
    scenario: Scenario,
    strategy: Any = CANARY,
    gates: Gates | None = None,
    prepare: Callable[[Bench], None] = lambda b: None,
) -> Any:
    """Run a scenario beside a controller."""
    clock = Clock()
    b = Bench(path, clock, running_world(clock), system(strategy, gates))
    prepare(b)

    async def played() -> Any:
        store, controller = b.open()
        await b.put_system(store)
        works = [asyncio.create_task(controller.run()), asyncio.create_task(controller.keep())]
        try:
            return await scenario(b, store, controller)
        finally:
            for work in works:
                await stop(work)
            store.close()

    return asyncio.run(played())


async def measuring(controller: Controller) -> Deployment:
    await until_state(controller, State.MEASURING)
    live = controller.running("web")
    assert live is not None
    return live


async def until(look: Callable[[], object]) -> None:
    while not look():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


def waits(controller: Controller) -> str:
    live = controller.running("web")
    return live.waiting_for if live else ""


def transitions(path: Path, d: Deployment) -> list[str]:
    return [entry.transition for entry in journal(path, d.id)]


def test_promote_skips_the_rest_of_one_step_and_names_who(tmp_path: Path) -> None:
    async def scenario(b: Bench, store: Store, controller: Controller) -> Deployment:
        await controller.deploy("tester", "web", "web:2")
        with pytest.raises(AwsError, match=r"no weight yet: .* `teal promote web --full`"):
            await controller.promote("ann", "web")
        await measuring(controller)
        await controller.promote("ann", "web")
        await until(lambda: b.driver.weights.get("green") == 50)
        second = await measuring(controller)
        assert (second.step, second.promoted) == (1, "")
        await controller.promote("ann", "web", full=True)
        return await until_finished(store, "web")

    done = play(tmp_path, scenario, LONG)
    assert done.status is Status.SUCCESSFUL
    messages = [e.message for e in journal(tmp_path, done.id) if e.transition == "PROMOTED"]
    assert messages == [
        "promoted by ann: skips the rest of the step, unless a gate fails",
        "promoted by ann: skips all steps and the bake time, unless a gate fails",
    ]
    assert [e.weights["green"] for e in done.evidence] == [10, 50, 100]


def test_a_gate_that_fails_is_not_overruled_by_promote(tmp_path: Path) -> None:
    async def scenario(b: Bench, store: Store, controller: Controller) -> Deployment:
        await controller.deploy("tester", "web", "web:2")
        await measuring(controller)
        b.driver.failure_rates = {"web:2": 0.5}
        await controller.promote("ann", "web", full=True)
        return await until_finished(store, "web")

    done = play(tmp_path, scenario, LONG)
    assert done.status is Status.ROLLBACK_SUCCESSFUL
    assert "success-rate" in done.reason


def test_a_pause_keeps_the_weight_and_stops_the_time_limits(tmp_path: Path) -> None:
    async def scenario(b: Bench, store: Store, controller: Controller) -> Deployment:
        await controller.deploy("tester", "web", "web:2")
        await measuring(controller)
        await controller.pause("ann", "web")
        with pytest.raises(AwsError, match="is paused by ann already"):
            await controller.pause("bob", "web")
        b.clock.now += 100_000.0
        await until(lambda: "as ann paused it" in waits(controller))
        assert b.driver.weights["green"] == 10
        await controller.resume("bob", "web")
        return await until_finished(store, "web")

    done = play(tmp_path, scenario)
    assert done.status is Status.SUCCESSFUL, done.reason
    assert {"PAUSED", "UNPAUSED"} <= set(transitions(tmp_path, done))


def test_a_paused_version_that_fails_is_rolled_back(tmp_path: Path) -> None:
    async def scenario(b: Bench, store: Store, controller: Controller) -> Deployment:
        await controller.deploy("tester", "web", "web:2")
        await measuring(controller)
        await controller.pause("ann", "web")
        b.driver.failure_rates = {"web:2": 0.5}
        return await until_finished(store, "web")

    done = play(tmp_path, scenario)
    assert (done.status, done.paused_at) == (Status.ROLLBACK_SUCCESSFUL, 0.0)


def test_a_step_waits_for_its_own_approval(tmp_path: Path) -> None:
    own = (StepSettings(), StepSettings(approval=True), StepSettings())

    async def scenario(b: Bench, store: Store, controller: Controller) -> Deployment:
        await controller.deploy("tester", "web", "web:2")
        await until_state(controller, State.AWAITING_APPROVAL)
        assert b.driver.weights["green"] == 10
        await controller.approve("ann", "web")
        return await until_finished(store, "web")

    done = play(tmp_path, scenario, replace(CANARY, step_settings=own))
    assert done.status is Status.SUCCESSFUL
    said = [e.message for e in journal(tmp_path, done.id) if "approved by ann" in e.message]
    assert said


def test_another_deployment_is_refused_with_the_ways_out_or_takes_the_place(
    tmp_path: Path,
) -> None:
    async def scenario(b: Bench, store: Store, controller: Controller) -> list[Deployment]:
        await controller.deploy("tester", "web", "web:2")
        await measuring(controller)
        with pytest.raises(AwsError, match=r"`teal abort web`.*--replace`"):
            await controller.deploy("ann", "web", "web:3")
        third = await controller.deploy("ann", "web", "web:3", instead=True)
        assert controller.running("web") == third or third.number == 2
        await controller.promote("ann", "web", full=True)
        await until_finished(store, "web")
        return documents.deployments(store.view, "web")

    second, first = play(tmp_path, scenario, LONG)
    assert (first.number, second.number) == (1, 2)
    assert first.status is Status.ROLLBACK_SUCCESSFUL
    assert first.reason == "replaced by ann with web:3"
    assert (second.status, second.old_image) == (Status.SUCCESSFUL, "web:1")


def test_a_deployment_without_weight_ends_at_once_when_it_is_replaced(tmp_path: Path) -> None:
    async def scenario(b: Bench, store: Store, controller: Controller) -> list[Deployment]:
        await controller.deploy("tester", "web", "web:2")
        await until_state(controller, State.AWAITING_APPROVAL)
        await controller.deploy("ann", "web", "web:3", instead=True)
        assert ("set_weights", {"blue": 100, "green": 0}) in b.driver.calls
        await until_state(controller, State.AWAITING_APPROVAL)
        await controller.approve("ann", "web")
        await until_finished(store, "web")
        return documents.deployments(store.view, "web")

    second, first = play(tmp_path, scenario, gates=Gates(approval=True))
    assert (first.state, second.state) == (State.STOPPED, State.SUCCEEDED)


def test_retry_repeats_what_failed_and_nothing_else(tmp_path: Path) -> None:
    async def scenario(b: Bench, store: Store, controller: Controller) -> Deployment:
        with pytest.raises(AwsError, match="nothing to retry"):
            await controller.retry("ann", "web")
        b.driver.failure_rates = {"web:2": 0.5}
        strategy = replace(CANARY, steps=(20, 100))
        await controller.deploy("tester", "web", "web:2", strategy)
        await until_finished(store, "web")
        b.driver.failure_rates = {}
        again = await controller.retry("ann", "web", token="t")
        assert (again.new_image, again.strategy.steps) == ("web:2", (20, 100))
        assert (await controller.retry("ann", "web", token="t")).id == again.id
        done = await until_finished(store, "web")
        with pytest.raises(AwsError, match="was successful: nothing to retry"):
            await controller.retry("ann", "web")
        return done

    assert play(tmp_path, scenario).status is Status.SUCCESSFUL


def test_a_lock_names_who_and_why_and_leaves_the_way_back_open(tmp_path: Path) -> None:
    async def scenario(b: Bench, store: Store, controller: Controller) -> None:
        await controller.deploy("tester", "web", "web:2")
        await until_finished(store, "web")
        await controller.lock("ann", "web", "the audit", 3600.0)
        with pytest.raises(
            AwsError, match=r"locked .* by ann since .* until .*: the audit \(`teal"
        ):
            await controller.deploy("tester", "web", "web:3")
        back, _ = await controller.rollback("tester", "web")
        assert back.new_image == "web:1"
        await until_finished(store, "web")
        await controller.unlock("bob", "web")
        with pytest.raises(AwsError, match="web is not locked"):
            await controller.unlock("bob", "web")
        await controller.lock("ann", "web", "", 0.001)
        await asyncio.sleep(0.01)
        await controller.deploy("tester", "web", "web:3")
        await until_finished(store, "web")

    play(tmp_path, scenario)


def test_any_released_revision_can_be_gone_back_to(tmp_path: Path) -> None:
    async def scenario(b: Bench, store: Store, controller: Controller) -> Deployment:
        b.driver.failure_rates = {"web:3": 0.5}
        for image in ("web:2", "web:3", "web:4"):
            await controller.deploy("tester", "web", image)
            await until_finished(store, "web")
        with pytest.raises(AwsError, match=r"no revision 9 \(known: 1 to 3\)"):
            await controller.rollback("ann", "web", revision=9)
        with pytest.raises(AwsError, match="revision 2 of web, web:3, was not released"):
            await controller.rollback("ann", "web", revision=2)
        _, said = await controller.rollback("ann", "web", revision=3)
        assert said.startswith("web is already back: web:4")
        await controller.rollback("ann", "web", revision=1)
        return await until_finished(store, "web")

    done = play(tmp_path, scenario)
    assert (done.new_image, done.number, done.status) == ("web:2", 4, Status.SUCCESSFUL)


def test_the_old_side_is_kept_for_a_way_back_without_a_start(tmp_path: Path) -> None:
    async def scenario(b: Bench, store: Store, controller: Controller) -> Deployment:
        await controller.deploy("tester", "web", "web:2")
        done = await until_finished(store, "web")
        assert done.serves == (
            "web:2 on green serves all requests; web:1 on blue is kept without requests for 1 h"
        )
        assert set(b.driver.sides) == {"blue", "green"}
        assert documents.scaling_in_held(store.view, "demo", "web-blue")
        before, revision = list(b.driver.sides), b.driver.revision
        await controller.rollback("ann", "web")
        assert kept(store.view, "web") is None
        back = await until_finished(store, "web")
        assert b.driver.revision == revision + 1
        assert before == ["blue", "green"]
        return back

    back = play(tmp_path, scenario, replace(CANARY, keep_old=3600.0))
    assert (back.status, back.kept_for) == (Status.SUCCESSFUL, 0.0)
    assert back.serves == "web:1 on blue serves all requests"


def test_a_kept_side_is_stopped_in_time_also_after_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    strategy = replace(CANARY, keep_old=0.05)
    b = Bench(tmp_path, clock, running_world(clock), system(strategy))

    async def deploys() -> None:
        store, controller = b.open()
        await b.put_system(store)
        work = asyncio.create_task(controller.run())
        await controller.deploy("tester", "web", "web:2")
        await until_finished(store, "web")
        await stop(work)  # Nobody keeps anything: the control plane was killed.
        store.close()

    async def restarted() -> None:
        store, controller = b.open()
        keeping = asyncio.create_task(controller.keep())
        await until(lambda: not store.view.list(tables.KEPT))
        await stop(keeping)
        store.close()

    asyncio.run(deploys())
    assert set(b.driver.sides) == {"blue", "green"}
    asyncio.run(restarted())
    assert set(b.driver.sides) == {"green"}
    assert b.driver.lost == []


def test_a_kept_side_that_was_given_weight_is_left_running(tmp_path: Path) -> None:
    """The control plane was away when it was given weight and when the time ended."""
    clock = Clock()
    b = Bench(tmp_path, clock, running_world(clock), system(replace(CANARY, keep_old=0.05)))

    async def deploys() -> None:
        store, controller = b.open()
        await b.put_system(store)
        work = asyncio.create_task(controller.run())
        await controller.deploy("tester", "web", "web:2")
        await until_finished(store, "web")
        await stop(work)  # Nobody keeps anything: the control plane was killed.
        store.close()

    async def restarted() -> None:
        store, controller = b.open()
        keeping = asyncio.create_task(controller.keep())
        await until(lambda: not store.view.list(tables.KEPT))
        await stop(keeping)
        store.close()

    asyncio.run(deploys())
    b.driver.weights = {"blue": 50, "green": 50}
    asyncio.run(restarted())
    assert set(b.driver.sides) == {"blue", "green"}


def test_a_decision_is_about_what_another_replica_has_stored_meanwhile(tmp_path: Path) -> None:
    async def scenario(b: Bench, store: Store, controller: Controller) -> Deployment:
        await controller.deploy("tester", "web", "web:2")
        stale = await measuring(controller)
        entry = words.entry(stale, stale.state.value)
        moved = replace(stale, sequence=stale.sequence + 3)
        await store.write(
            "other", "Move", lambda t: documents.put(t, moved, entry, stale.sequence, b.clock())
        )
        paused = await controller.pause("ann", "web")
        assert paused.sequence == moved.sequence + 1
        live = controller.running("web")
        assert live is not None
        assert live.paused_by == "ann"
        await controller.promote("ann", "web", full=True)
        return await until_finished(store, "web")

    # Without a limit, whose seconds would be stored, and would tell before the pause does.
    unlimited = replace(LONG, step_timeout=0.0)
    assert play(tmp_path, scenario, unlimited).status is Status.SUCCESSFUL


def test_a_replica_that_does_not_work_on_deployments_begins_and_decides(tmp_path: Path) -> None:
    """What it stores, the one that works hears of; and when that one ends, another takes over."""

    async def scenario(b: Bench, store: Store, works: Controller) -> Deployment:
        asked, succeeds = b.controller(store), b.controller(store)
        await asked.deploy("tester", "web", "web:2")
        await measuring(works)
        await asked.pause("ann", "web")
        running = asked.running("web")
        assert running is not None
        assert running.paused_by == "ann"
        await until(lambda: (live := works.running("web")) is not None and live.paused_by == "ann")
        taken_over = asyncio.create_task(succeeds.run())
        await asked.promote("ann", "web", full=True)
        finished = await until_finished(store, "web")
        await stop(taken_over)
        return finished

    assert play(tmp_path, scenario, LONG).status is Status.SUCCESSFUL
