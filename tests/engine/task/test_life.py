"""The life of a task on the fake runtime: orders, faults, and interruptions at every phase."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Any

import pytest

from tealmesh.engine.context import EngineContext
from tealmesh.engine.engine import Engine
from tealmesh.engine.runtimes.fake import Behaviour, FakeRuntime
from tealmesh.model.errors import EngineError
from tealmesh.store import tables
from tealmesh.store.store import Store
from tealmesh.store.views import Transaction
from tests.support.planes.engine import (
    CLUSTER,
    PREFIX,
    Documents,
    definition,
    engine_context,
    quick_times,
    running,
    service,
)


async def put_images(store: Store, *names: str) -> None:
    """Image NAME stands for the command NAME, by which the fake finds its behaviour."""

    def change(tx: Transaction) -> None:
        for name in names:
            tx.put(tables.IMAGES, name, body={"pattern": name, "command": [name]})

    await store.write("test", "Images", change)


def container(name: str, **members: Any) -> dict[str, Any]:
    return {"name": name, "image": name, **members}


async def run_task(store: Store, arn: str, identity: str = "t1") -> None:
    """What RunTask writes."""
    body = {
        "taskArn": f"{PREFIX}:task/{CLUSTER}/{identity}",
        "clusterArn": f"{PREFIX}:cluster/{CLUSTER}",
        "taskDefinitionArn": arn,
        "group": "family:web",
        "lastStatus": "PROVISIONING",
        "desiredStatus": "RUNNING",
        "createdAt": 1.0,
        "containers": [],
        "overrides": {},
        "teal": {},
    }
    await store.write(
        "test", "RunTask", lambda tx: tx.put(tables.TASKS, CLUSTER, identity, body=body)
    )


async def stop_task(store: Store, identity: str = "t1") -> None:
    """What StopTask writes."""

    def change(tx: Transaction) -> None:
        document = tx.get(tables.TASKS, CLUSTER, identity)
        assert document is not None
        body = {**document.body, "desiredStatus": "STOPPED", "stoppedReason": "enough"}
        tx.put(tables.TASKS, CLUSTER, identity, body=body)

    await store.write("test", "StopTask", change)


def test_containers_start_and_stop_in_the_order_of_their_dependencies(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        runtime = FakeRuntime({"migrate": Behaviour(exits_after=0.1)})
        await put_images(store, "migrate", "db", "web")
        check = {"command": ["CMD", "check"]}
        arn = await documents.define(
            definition(
                "web",
                1,
                container(
                    "web",
                    dependsOn=[
                        {"containerName": "db", "condition": "HEALTHY"},
                        {"containerName": "migrate", "condition": "SUCCESS"},
                    ],
                ),
                container("db", healthCheck=check),
                container("migrate", essential=False),
            )
        )
        async with running(engine_context(tmp_path, store, runtime=runtime)):
            await run_task(store, arn)
            await documents.until(lambda _: bool(documents.tasks("RUNNING")))
            assert list(runtime.containers) == ["t1/db", "t1/migrate", "t1/web"]
            stopped: list[str] = []
            for name, fake in runtime.containers.items():
                fake.ended.add_done_callback(lambda _, name=name: stopped.append(name))
            await stop_task(store)
            await documents.until(lambda _: bool(documents.tasks("STOPPED")))
            assert [name for name in stopped if name != "t1/migrate"] == ["t1/web", "t1/db"]
            (task,) = documents.tasks()
            assert task["stoppedReason"] == "enough"
        store.close()

    asyncio.run(scenario())


def test_a_dependency_that_fails_fails_the_task(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        runtime = FakeRuntime({"migrate": Behaviour(exits_after=0.05, exit_code=9)})
        await put_images(store, "migrate", "web")
        depends = [{"containerName": "migrate", "condition": "SUCCESS"}]
        arn = await documents.define(
            definition(
                "web", 1, container("migrate", essential=False), container("web", dependsOn=depends)
            )
        )
        async with running(engine_context(tmp_path, store, runtime=runtime)):
            await run_task(store, arn)
            await documents.until(lambda _: bool(documents.tasks("STOPPED")))
            (task,) = documents.tasks()
            assert task["stopCode"] == "TaskFailedToStart"
            assert "migrate has exited with code 9" in task["stoppedReason"]
            assert "t1/web" not in runtime.containers
        store.close()

    asyncio.run(scenario())


def test_what_ignores_sigterm_is_killed_after_its_stop_timeout(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        runtime = FakeRuntime({"web": Behaviour(ignores_term=True)})
        await put_images(store, "web")
        given = engine_context(tmp_path, store, runtime=runtime, times=quick_times(stop=0.1))
        arn = await documents.define(definition("web", 1, container("web")))
        async with running(given):
            await run_task(store, arn)
            await documents.until(lambda _: bool(documents.tasks("RUNNING")))
            await stop_task(store)
            await documents.until(lambda _: bool(documents.tasks("STOPPED")))
            (task,) = documents.tasks()
            assert task["containers"][0]["exitCode"] == 137
            assert runtime.containers["t1/web"].signals == [signal.SIGTERM, signal.SIGKILL]
        store.close()

    asyncio.run(scenario())


def test_a_task_that_falls_ill_is_replaced(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        behaviours = {"web": Behaviour()}
        runtime = FakeRuntime(behaviours)
        await put_images(store, "web")
        check = {"command": ["CMD", "check"], "interval": 0.1, "retries": 2}
        arn = await documents.define(definition("web", 1, container("web", healthCheck=check)))
        async with running(engine_context(tmp_path, store, runtime=runtime)):
            await documents.put_service(service("web", arn, 1))
            await documents.steady("web")
            behaviours["web"] = Behaviour(health=1)
            await documents.until(lambda _: bool(documents.tasks("STOPPED")))
            behaviours["web"] = Behaviour()
            (ill,) = documents.tasks("STOPPED")[:1]
            assert ill["stoppedReason"] == "Task failed container health checks"
            assert ill["healthStatus"] == "UNHEALTHY"
            await documents.until(lambda _: bool(documents.tasks("RUNNING")))
            assert any("failed container health checks" in t for t in documents.events("web"))
        store.close()

    asyncio.run(scenario())


PHASES = ["PREPARE", "START", "AWAIT_READY", "AWAIT_CALLERS", "RUN"]
STOPPING = ["DRAIN", "DEREGISTER", "HALT"]


@pytest.mark.parametrize("phase", [*PHASES, *STOPPING])
def test_interrupted_at_any_phase_and_resumed(tmp_path: Path, phase: str) -> None:
    """The engine is taken away whenever the phase has just been committed, three times over."""

    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        runtime = FakeRuntime()
        await put_images(store, "web")
        arn = await documents.define(definition("web", 1, container("web")))
        await documents.put_service(service("web", arn, 2))

        def next_life() -> EngineContext:
            return engine_context(tmp_path, store, FakeRuntime({}, runtime.containers))

        async def one_life() -> None:
            engine = Engine(next_life())
            job = asyncio.create_task(engine.run())
            before = store.revision
            with contextlib.suppress(AssertionError):
                await documents.until(
                    lambda view: view.revision > before and phase in _phases(documents), 0.3
                )
            await engine.close()
            assert job.done()

        if phase in STOPPING:
            engine = Engine(next_life())
            job = asyncio.create_task(engine.run())
            await documents.steady("web")
            await engine.close()
            assert job.cancelled()
            await documents.update_service("web", lambda body: body.update(desiredCount=1))
        for _ in range(3):
            await one_life()
        wanted = 1 if phase in STOPPING else 2
        async with running(next_life()):
            await documents.until(
                lambda _: (
                    len(documents.tasks("RUNNING")) == wanted
                    and len(documents.tasks("STOPPED")) == 2 - wanted
                )
            )
            assert len(runtime.containers) == 2, "nothing was started twice"
            assert sum(not c.ended.done() for c in runtime.containers.values()) == wanted
        store.close()

    asyncio.run(scenario())


def _phases(documents: Documents) -> set[str]:
    return {task["teal"].get("phase", "PREPARE") for task in documents.tasks()}


def test_what_keeps_tasks_from_stopping_is_named_in_time(tmp_path: Path) -> None:
    class Away(FakeRuntime):
        back = False

        async def release(self, directory: Path) -> None:
            if not self.back:
                raise EngineError("the container engine does not answer")

    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents, runtime = Documents(store), Away()
        await put_images(store, "web")
        arn = await documents.define(definition("web", 1, container("web")))
        await run_task(store, arn)
        made = engine_context(tmp_path, store, runtime=runtime, times=quick_times(down=0.5))
        async with running(made) as engine:
            await documents.until(lambda _: bool(documents.tasks("RUNNING")))
            with pytest.raises(EngineError) as raised:
                await engine.stop_all()
            assert "not stopped after 0.5 s: task t1 of nobody (halt)" in str(raised.value)
            assert "the container engine does not answer: run `teal down` again" in str(
                raised.value
            )
            runtime.back = True
            await documents.until(lambda _: not documents.tasks("RUNNING"))
        store.close()

    asyncio.run(scenario())
