"""Services of one task each on a real Podman, run by an engine without a mesh."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from tealmesh.engine.engine import Engine
from tealmesh.engine.runtimes.build import build
from tealmesh.engine.runtimes.choice import Mode
from tealmesh.store.store import Store
from tealmesh.supervision.supervisor import Supervisor
from tests.support.planes.engine import NOWHERE, Documents, definition, engine_context, service
from tests.support.programs.podman import Podman

IMAGE = "localhost/team/plain:1"


class Tasks:
    """Services of one task each, by name."""

    def __init__(self, store: Store, http: httpx.AsyncClient) -> None:
        self.documents = Documents(store)
        self._http = http

    async def start(self, name: str, *containers: Mapping[str, Any], **members: Any) -> None:
        """Ask for one task of these containers."""
        body = {**definition(name, 1, *containers), **members}
        await self.documents.put_service(service(name, await self.documents.define(body), 1))

    async def up(self, *names: str) -> None:
        await asyncio.gather(*(self.documents.steady(name) for name in names))

    def task(self, name: str) -> Mapping[str, Any]:
        running = self.documents.tasks("RUNNING")
        return next(b for b in running if b["group"] == f"service:{name}")

    def address(self, name: str) -> str:
        return str(self.task(name)["teal"]["address"])

    async def replaced(self, name: str, old: Mapping[str, Any]) -> None:
        """Wait until another task of the service runs."""
        await self.documents.until(
            lambda _: any(
                b["taskArn"] != old["taskArn"] and b["group"] == f"service:{name}"
                for b in self.documents.tasks("RUNNING")
            )
        )

    async def reported(self, name: str, words: str) -> None:
        """Wait until an event of the service contains these words."""
        await self.documents.until(lambda _: any(words in m for m in self.documents.events(name)))

    async def get(self, name: str, path: str, port: int = 8080) -> str:
        """What the application of a task answers to this machine, once it listens."""
        url = f"http://{self.address(name)}:{port}{path}"
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(httpx.ConnectError):
                    return (await self._http.get(url)).text
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def tasks(
    docker: Podman,
    directory: Path,
    endpoint: tuple[str, int] = ("127.0.0.1", 9),
    *,
    mode: Mode = "container",
    leave: bool = False,
) -> AsyncIterator[tuple[Tasks, Engine]]:
    """An engine at work. At the end it stops everything, or leaves everything as it is, as a
    control plane does that ends.
    """
    store = Store.open(directory / "state.db")
    environment = {"DOCKER_HOST": docker.url}
    plane = replace(NOWHERE, endpoint=f"http://{endpoint[0]}:{endpoint[1]}")
    built = await build(mode, directory, store, plane, lambda *_: None, environment, Supervisor())
    engine = Engine(engine_context(directory, store, built.runtime))
    job = asyncio.create_task(engine.run())
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=10) as http:
        try:
            yield Tasks(store, http), engine
        finally:
            if not leave and not job.done():
                await engine.stop_all()
            await engine.close()
            store.close()
    if job.done() and not job.cancelled():
        job.result()


def app(name: str = "app", **members: Any) -> dict[str, Any]:
    variables = members.pop("variables", {})
    environment = [{"name": n, "value": v} for n, v in variables.items()]
    return {"name": name, "image": IMAGE, "environment": environment, **members}


def proxied(**properties: str) -> dict[str, Any]:
    values = {
        "AppPorts": "8080",
        "ProxyIngressPort": "15000",
        "ProxyEgressPort": "15001",
        "IgnoredUID": "1337",
        **properties,
    }
    pairs = [{"name": name, "value": value} for name, value in values.items()]
    return {"proxyConfiguration": {"type": "APPMESH", "containerName": "p", "properties": pairs}}


def names(docker: Podman) -> list[str]:
    return docker.run("ps", "--all", "--format", "{{.Names}}").split()
