"""Deployments that ask hooks and metrics: a real controller, store and servers, fake tasks."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tealmesh.model.config.outside import Freeze, Hook, PrometheusGate
from tealmesh.model.config.parse import parse
from tealmesh.model.config.strategies import Gates
from tealmesh.model.errors import AwsError, DriverError
from tealmesh.model.rollout import Deployment, State, Status
from tealmesh.rollout.applying import freezes
from tealmesh.rollout.asking.others import connected
from tealmesh.rollout.controller import Controller
from tealmesh.store import Store, tables
from tests.rollout.asking.receiver import Asked, Receiver, receiver
from tests.rollout.test_controller import stop, until_state
from tests.rollout.world import CANARY, Bench, Clock, running_world, system, until_finished

SUCCEEDED = {"hookStatus": "SUCCEEDED"}
LONG = replace(
    CANARY,
    **{
        f"{phase}_timeout": 100_000.0
        for phase in ("start", "verify", "step", "bake", "rollback", "stop")
    },
)
"""The clock of these tests runs fast, and servers do not."""


async def no_cloudwatch(call: Callable[[Any], Any]) -> Any:
    raise DriverError("nobody is there", retryable=True)


@dataclass
class Scene:
    """A control plane's part for deployments, with those outside."""

    store: Store
    controller: Controller
    bench: Bench
    running: asyncio.Task[None]

    async def end(self) -> None:
        """As if the control plane had ended."""
        await stop(self.running)
        self.store.close()

    async def deployed(self) -> Deployment:
        await self.controller.deploy("tester", "web", "web:2")
        return await until_finished(self.store, "web")

    def answers(self) -> dict[str, Mapping[str, Any]]:
        """What is stored of each hook, by its name."""
        return {d.body["name"]: d.body for d in self.store.view.list(tables.HOOKS)}

    def ended(self, name: str) -> bool:
        return self.answers().get(name, {}).get("finished_at") is not None


async def eventually(look: Callable[[], object]) -> None:
    """Wait until ``look`` returns something true; pytest's time limit ends a wait in vain."""
    while not look():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


def play(
    path: Path,
    gates: Gates,
    scenario: Callable[[Scene], Coroutine[Any, Any, Any]],
    strategy: Any = LONG,
) -> Any:
    async def scene() -> Any:
        clock = Clock()
        bench = Bench(path, clock, running_world(clock), system(strategy, gates))
        bench.others = lambda store: connected(
            store, no_cloudwatch, "http://127.0.0.1:1", {"PATH": "/usr/bin:/bin"}, clock, clock
        )
        store, controller = bench.open()
        await bench.put_system(store)
        running = asyncio.create_task(controller.run())
        try:
            return await scenario(Scene(store, controller, bench, running))
        finally:
            await stop(running)
            store.close()

    return asyncio.run(scene())


def hooks(*found: Hook, **settings: Any) -> Gates:
    return Gates(hooks=found, **settings)


def webhook(server: Receiver, stage: str, when: str = "during", **settings: Any) -> Hook:
    hook = Hook(stage, f"{stage} {when}", when, url=f"{server.url}/{stage}-{when}", interval=0.01)
    return replace(hook, **settings)


def test_hooks_of_all_stages_are_asked_once_in_their_order(tmp_path: Path) -> None:
    stages = (
        "PRE_SCALE_UP", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT",
        "PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT",
        "POST_PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP", "ROLLBACK",
    )  # fmt: skip

    async def scenario(scene: Scene) -> Deployment:
        ended = await scene.deployed()
        await eventually(lambda: scene.ended("CLEAN_UP during"))
        return ended

    with receiver(lambda asked: SUCCEEDED) as server:
        gates = hooks(*(webhook(server, stage) for stage in stages))
        ended = play(tmp_path, gates, scenario)
        assert ended.status is Status.SUCCESSFUL
        asked = [one.path[1:].removesuffix("-during") for one in server.asked]
    three = ["PRODUCTION_TRAFFIC_SHIFT"] * 3
    assert asked == [*stages[:5], *three, *stages[6:9]]


@pytest.mark.parametrize("stage", ["PRE_SCALE_UP", "TEST_TRAFFIC_SHIFT", "BAKE_TIME"])
def test_a_hook_that_fails_rolls_back_and_the_way_back_is_told(tmp_path: Path, stage: str) -> None:
    def answer(asked: Asked) -> object:
        if stage in asked.path:
            return {"hookStatus": "FAILED", "message": "2 tests"}
        return SUCCEEDED

    async def scenario(scene: Scene) -> tuple[Deployment, Bench]:
        ended = await scene.deployed()
        await eventually(lambda: scene.ended("ROLLBACK during"))
        return ended, scene.bench

    with receiver(answer) as server:
        gates = hooks(webhook(server, stage), webhook(server, "ROLLBACK"))
        ended, bench = play(tmp_path, gates, scenario)
    assert ended.status is Status.ROLLBACK_SUCCESSFUL
    assert ended.reason == f"hook {stage} during: says FAILED: 2 tests"
    assert bench.driver.weights == {"blue": 100, "green": 0}
    assert not bench.driver.lost


def test_a_hook_that_is_not_finished_is_asked_again_with_its_own_details(tmp_path: Path) -> None:
    answers = [
        {"hookStatus": "IN_PROGRESS", "callBackDelay": 0.01, "hookDetails": {"run": 7}},
        {"hookStatus": "IN_PROGRESS", "callBackDelay": 0.01},
        SUCCEEDED,
    ]
    with receiver(lambda asked: answers[len(server.asked) - 1]) as server:
        ended = play(tmp_path, hooks(webhook(server, "POST_SCALE_UP")), Scene.deployed)
        assert ended.status is Status.SUCCESSFUL
        assert len(server.asked) == 3
        assert b'"attempt": 3' in server.asked[2].body
        assert b'"hookDetails": {"run": 7}' in server.asked[2].body
        assert len({one.headers["idempotency-key"] for one in server.asked}) == 1


def test_no_verdict_waits_until_the_time_limit_and_is_named(tmp_path: Path) -> None:
    gates = hooks(Hook("PRE_SCALE_UP", "ask", url="http://127.0.0.1:1/ask", interval=0.01))
    # The clock of the test runs much faster than the socket that is asked.
    ended = play(tmp_path, gates, Scene.deployed, replace(CANARY, start_timeout=1000.0))
    assert ended.status is Status.ROLLBACK_SUCCESSFUL
    assert "start_timeout of 1000 s exceeded" in ended.reason
    assert "waiting for hook ask: http://127.0.0.1:1/ask cannot be asked" in ended.reason


def test_no_verdict_after_all_retries_fails(tmp_path: Path) -> None:
    gates = hooks(Hook("PRE_SCALE_UP", "ask", url="http://127.0.0.1:1", interval=0.01, retries=1))
    ended = play(tmp_path, gates, Scene.deployed)
    assert ended.reason.startswith("hook ask: gave no verdict, asked 2 times: ")


def test_an_abort_does_not_wait_for_a_hook(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> Deployment:
        await scene.controller.deploy("tester", "web", "web:2")
        await eventually((tmp_path / "began").exists)
        await scene.controller.abort("tester", "web")
        return await until_finished(scene.store, "web")

    code = f"import pathlib, time; pathlib.Path({str(tmp_path / 'began')!r}).touch()"
    command = (sys.executable, "-c", f"{code}; time.sleep(3600)")
    slow = Hook("BAKE_TIME", "slow", command=command, timeout=3600.0)
    ended = play(tmp_path, hooks(slow), scenario)
    assert (ended.status, ended.reason) == (Status.ROLLBACK_SUCCESSFUL, "aborted by tester")


def test_looks_go_on_while_a_hook_takes_its_time(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> Deployment:
        await scene.controller.deploy("tester", "web", "web:2")
        await until_state(scene.controller, State.MEASURING)
        await eventually(lambda: server.asked)
        scene.bench.driver.sides["green"].running = False
        return await until_finished(scene.store, "web")

    with receiver(lambda asked: SUCCEEDED) as server:
        server.hangs = True
        slow = webhook(server, "PRODUCTION_TRAFFIC_SHIFT", timeout=3600.0)
        ended = play(tmp_path, hooks(slow), scenario)
    assert ended.status is Status.ROLLBACK_SUCCESSFUL
    assert "green has weight and no healthy task" in ended.reason


def test_after_a_restart_only_what_had_no_verdict_is_asked_again(tmp_path: Path) -> None:
    async def scenario(first: Scene) -> Deployment:
        await first.controller.deploy("tester", "web", "web:2")
        await eventually(lambda: len(server.asked) == 2)
        assert [one["verdict"] for one in first.answers().values()] == ["PASS", ""]
        await until_state(first.controller, State.ADDING_TARGET)
        await first.end()
        server.hangs = False
        store, controller = first.bench.open()
        running = asyncio.create_task(controller.run())
        ended = await until_finished(store, "web")
        await stop(running)
        store.close()
        return ended

    def answer(asked: Asked) -> object:
        server.hangs = len(server.asked) == 1
        return SUCCEEDED

    with receiver(answer) as server:
        gates = hooks(webhook(server, "PRE_SCALE_UP"), webhook(server, "POST_SCALE_UP"))
        ended = play(tmp_path, gates, scenario)
        assert ended.status is Status.SUCCESSFUL
        paths = [one.path for one in server.asked]
        assert paths == ["/PRE_SCALE_UP-during", *["/POST_SCALE_UP-during"] * 2]
        assert len({one.headers["idempotency-key"] for one in server.asked}) == 2


def test_what_was_not_told_before_a_restart_is_told_after_it(tmp_path: Path) -> None:
    async def scenario(first: Scene) -> None:
        await first.deployed()
        await eventually(lambda: server.asked)
        await first.end()
        store, controller = first.bench.open()
        server.hangs = False
        running = asyncio.create_task(controller.run())
        again = Scene(store, controller, first.bench, running)
        await eventually(lambda: again.ended("CLEAN_UP during"))
        await stop(running)
        store.close()

    with receiver(lambda asked: SUCCEEDED) as server:
        server.hangs = True
        play(tmp_path, hooks(webhook(server, "CLEAN_UP", timeout=3600.0)), scenario)
        assert len({one.headers["idempotency-key"] for one in server.asked}) == 1


def vector(value: str) -> object:
    result = [{"metric": {}, "value": [1.0, value]}]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def query(url: str, **settings: Any) -> PrometheusGate:
    gate = PrometheusGate("errors", url, 'errors{node="{{node}}"}', "< 0.01", interval=0.01)
    return replace(gate, **settings)


def test_a_query_is_asked_at_each_step_and_its_value_is_evidence(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken")
    with receiver(lambda asked: vector("0.001")) as server:
        gates = Gates(prometheus=(query(server.url, token_file="token"),), directory=str(tmp_path))
        ended = play(tmp_path, gates, Scene.deployed)
        assert ended.status is Status.SUCCESSFUL
        first = server.asked[0]
    assert (first.method, first.path) == ("GET", "/api/v1/query")
    assert first.form["query"] == 'errors{node="web-green"}'
    assert first.headers["authorization"] == "Bearer t0ken"
    for step in ended.evidence:
        (verdict,) = [v for v in step.verdicts if v.gate == "prometheus errors"]
        assert verdict.detail == "0.001, as it must be (< 0.01)"


def test_a_long_query_is_posted(tmp_path: Path) -> None:
    with receiver(lambda asked: vector("0")) as server:
        gates = Gates(prometheus=(query(server.url, query="a" * 3000),))
        assert play(tmp_path, gates, Scene.deployed).status is Status.SUCCESSFUL
        assert (server.asked[0].method, server.asked[0].form["query"]) == ("POST", "a" * 3000)


def test_a_value_that_does_not_pass_so_often_rolls_back(tmp_path: Path) -> None:
    with receiver(lambda asked: vector("0.5")) as server:
        gates = Gates(prometheus=(query(server.url, failures=3),))
        ended = play(tmp_path, gates, Scene.deployed)
        # Answers may come faster than looks at them.
        said = re.fullmatch(r"(.+), (\d+) times in a row", ended.reason)
        assert said is not None
        assert said[1] == "prometheus errors: 0.5, must be < 0.01"
        assert len(server.asked) >= int(said[2]) >= 3


def test_a_failed_query_is_no_failure_of_the_version_and_is_named(tmp_path: Path) -> None:
    gates = Gates(prometheus=(query("http://127.0.0.1:1"),))
    ended = play(tmp_path, gates, Scene.deployed, replace(LONG, step_timeout=200.0))
    assert ended.status is Status.ROLLBACK_SUCCESSFUL
    assert "step_timeout of 200 s" in ended.reason
    assert "prometheus errors: the query failed: http://127.0.0.1:1" in ended.reason


ALWAYS = (Freeze(why="audit"),)
FROZEN = """
[mesh]
name = "demo"
[services.web]
port = 8080
image = "web:1"
[services.web.gates]
freeze = [{ why = "audit" }]
"""


def test_a_deployment_is_refused_in_a_freeze_unless_it_is_forced(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> Deployment:
        with pytest.raises(AwsError) as refused:
            await scene.controller.deploy("tester", "web", "web:2")
        assert refused.value.code == "ConflictException"
        assert "web is not deployed in a freeze without an end (audit)" in str(refused.value)
        await scene.controller.deploy("tester", "web", "web:2", force=True)
        return await until_finished(scene.store, "web")

    ended = play(tmp_path, Gates(freeze=ALWAYS), scenario)
    assert (ended.status, ended.through_freeze) == (Status.SUCCESSFUL, "tester")


def test_a_freeze_that_begins_meanwhile_stops_the_next_step_and_no_way_back(
    tmp_path: Path,
) -> None:
    async def scenario(scene: Scene) -> Deployment:
        started = await scene.controller.deploy("tester", "web", "web:2")
        await until_state(scene.controller, State.MEASURING)

        def waiting_for() -> str:
            running = scene.controller.running("web")
            return running.waiting_for if running else ""

        frozen = parse(FROZEN)
        await scene.store.write("tester", "Apply", lambda t: freezes.put(t, frozen))
        await eventually(lambda: "freeze" in waiting_for())
        assert waiting_for() == "the end of a freeze without an end (audit)"
        assert freezes.of(scene.store.view, started) == ALWAYS
        await scene.controller.abort("tester", "web")
        return await until_finished(scene.store, "web")

    ended = play(tmp_path, Gates(), scenario, CANARY)
    assert ended.status is Status.ROLLBACK_SUCCESSFUL
