"""An engine with a store of its own, and documents as the ECS API writes them."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tealmesh.aws.clients import client
from tealmesh.engine.context import EngineContext, Times
from tealmesh.engine.engine import Engine
from tealmesh.engine.runtimes.base import Runtime
from tealmesh.engine.runtimes.launch import ControlPlane
from tealmesh.engine.runtimes.process.runtime import ProcessRuntime
from tealmesh.model.clock import random_id, system_clock
from tealmesh.model.identity.keys import Keys
from tealmesh.store import tables
from tealmesh.store.store import Store
from tealmesh.store.views import Transaction, View

CLUSTER = "demo"
PREFIX = "arn:aws:ecs:us-east-1:123456789012"

WEB = Path(__file__).parents[1] / "applications" / "web.py"
"""A small web application: ``python web.py MODE``."""


def quick_times(**changes: float) -> Times:
    """Short times, for tests."""
    return replace(Times(start=20, stop=5, drain=3, converge=1, look=0.05, settle=0.05), **changes)


async def always_converged(mesh: str, revision: int, timeout: float) -> bool:
    return True


async def no_health(target_group: str) -> dict[str, tuple[str, str, str]]:
    return {}


async def nothing_in_flight(target_group: str) -> dict[str, int]:
    return {}


KEYS = Keys.of("the master key of the test", "the token of its owner")
NOWHERE = ControlPlane("http://127.0.0.1:9", "127.0.0.1:9", KEYS)
"""Nothing answers there."""


def engine_context(
    directory: Path,
    store: Store,
    runtime: Runtime | None = None,
    plane: ControlPlane = NOWHERE,
    **changes: Any,
) -> EngineContext:
    """What an engine needs; its tasks are processes unless a runtime is given."""

    def boto3_client(service: str, region: str) -> Any:
        return client(service, plane.endpoint, region or plane.region)

    made = EngineContext(
        store=store,
        runtime=runtime or ProcessRuntime(plane, directory),
        clock=system_clock,
        new_id=random_id,
        converged=always_converged,
        client=boto3_client,
        target_health=no_health,
        in_flight=nothing_in_flight,
        data_dir=directory,
        times=quick_times(),
    )
    return replace(made, **changes)


@contextlib.asynccontextmanager
async def running(given: EngineContext) -> AsyncIterator[Engine]:
    """Run an engine; stop it and all tasks at the end."""
    engine = Engine(given)
    job = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        if not job.done():
            await engine.stop_all()
        await engine.close()
        if job.done() and not job.cancelled():
            job.result()


def definition(family: str, revision: int, *containers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "taskDefinitionArn": f"{PREFIX}:task-definition/{family}:{revision}",
        "family": family,
        "revision": revision,
        "networkMode": "awsvpc",
        "containerDefinitions": [dict(c) for c in containers],
    }


def web(image: str = "team/web:1", **members: Any) -> dict[str, Any]:
    """A container definition of the small web application."""
    return {"name": "app", "image": image, "portMappings": [{"containerPort": 8080}], **members}


def service(name: str, task_definition: str, desired: int, **members: Any) -> dict[str, Any]:
    """A service as CreateService writes it."""
    return {
        "serviceName": name,
        "serviceArn": f"{PREFIX}:service/{CLUSTER}/{name}",
        "clusterArn": f"{PREFIX}:cluster/{CLUSTER}",
        "taskDefinition": task_definition,
        "desiredCount": desired,
        "runningCount": 0,
        "pendingCount": 0,
        "deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 200},
        "serviceRegistries": [],
        "deployments": [deployment("ecs-svc/1", task_definition, desired)],
        "events": [],
        "status": "ACTIVE",
        **members,
    }


def deployment(identity: str, task_definition: str, desired: int) -> dict[str, Any]:
    return {
        "id": identity,
        "status": "PRIMARY",
        "taskDefinition": task_definition,
        "desiredCount": desired,
        "pendingCount": 0,
        "runningCount": 0,
        "failedTasks": 0,
        "rolloutState": "IN_PROGRESS",
        "createdAt": 0.0,
        "updatedAt": 0.0,
    }


class Documents:
    """Writes documents as the API does, and waits for the engine's changes."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def images(self, **modes: str) -> None:
        """Map images ``team/NAME:*`` to the small web application in these modes."""

        def change(tx: Transaction) -> None:
            for name, mode in modes.items():
                pattern = f"team/{name}:*"
                command = [sys.executable, str(WEB), *mode.split()]
                body = {"pattern": pattern, "command": command, "cwd": "", "environment": {}}
                tx.put(tables.IMAGES, pattern, body=body)

        await self.store.write("test", "Images", change)

    async def define(self, body: Mapping[str, Any]) -> str:
        def change(tx: Transaction) -> None:
            revision = str(body["revision"]).zfill(6)
            tx.put(tables.TASK_DEFINITIONS, body["family"], revision, body=body)

        await self.store.write("test", "Define", change)
        return str(body["taskDefinitionArn"])

    async def put_service(self, body: Mapping[str, Any]) -> None:
        name = body["serviceName"]
        await self.store.write(
            "test", "Service", lambda tx: tx.put(tables.ECS_SERVICES, CLUSTER, name, body=body)
        )

    async def update_service(self, name: str, change: Callable[[dict[str, Any]], None]) -> None:
        def write(tx: Transaction) -> None:
            document = tx.get(tables.ECS_SERVICES, CLUSTER, name)
            assert document is not None
            deployments = [dict(one) for one in document.body["deployments"]]
            body = {**document.body, "deployments": deployments}
            change(body)
            tx.put(tables.ECS_SERVICES, CLUSTER, name, body=body)

        await self.store.write("test", "Service", write)

    def service(self, name: str) -> Mapping[str, Any]:
        document = self.store.view.get(tables.ECS_SERVICES, CLUSTER, name)
        assert document is not None
        return document.body

    def tasks(self, status: str | None = None) -> list[Mapping[str, Any]]:
        bodies = [document.body for document in self.store.view.list(tables.TASKS)]
        return [body for body in bodies if status is None or body["lastStatus"] == status]

    def events(self, name: str) -> list[str]:
        return [event["message"] for event in self.service(name)["events"]]

    async def until(self, condition: Callable[[View], bool], seconds: float = 30) -> None:
        """Wait until the committed state meets the condition."""
        try:
            async with asyncio.timeout(seconds):
                async for view in self.store.watch():
                    if condition(view):
                        return
        except TimeoutError:
            shown = [
                (b["lastStatus"], b.get("stoppedReason"), b["teal"].get("phase"))
                for b in self.tasks()
            ]
            raise AssertionError(f"not in time; tasks: {shown}") from None

    async def steady(self, name: str, seconds: float = 30) -> None:
        def is_steady(view: View) -> bool:
            body = self.service(name)
            primary = body["deployments"][0]
            done = len(body["deployments"]) == 1 and primary["rolloutState"] == "COMPLETED"
            return done and body.get("teal", {}).get("steady", False)

        await self.until(is_steady, seconds)
