"""Tasks on a real engine: what definitions say, which packets Envoy's ports get, and faults."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tealmesh.engine.engine import Engine
from tealmesh.engine.oci.api import EngineApi
from tealmesh.engine.runtimes.choice import Choice
from tealmesh.engine.runtimes.container import ContainerRuntime
from tealmesh.engine.runtimes.process import ProcessRuntime
from tealmesh.store.store import Store
from tests.support.engine import Documents, definition, ports, running, service
from tests.support.load import answering
from tests.support.podman import Podman, needs_engine, podman

pytestmark = needs_engine

IMAGE = "localhost/team/plain:1"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    with podman(tmp_path_factory.mktemp("podman")) as found:
        found.make_app(IMAGE)
        yield found


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
        found = [b for b in self.documents.tasks("RUNNING") if b["group"] == f"service:{name}"]
        return found[0]

    def address(self, name: str) -> str:
        return str(self.task(name)["teal"]["address"])

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
    engine: Podman, directory: Path, endpoint: tuple[str, int] = ("127.0.0.1", 9)
) -> AsyncIterator[tuple[Tasks, Engine]]:
    store = Store.open(directory / "state.db")
    runtime = Choice(
        "container",
        ProcessRuntime(),
        ContainerRuntime(EngineApi(engine.socket), directory, endpoint),
        "",
    )
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        try:
            async with running(ports(directory, store, runtime)) as found:
                yield Tasks(store, http), found
        finally:
            store.close()


def app(name: str = "app", **members: Any) -> dict[str, Any]:
    variables = members.pop("variables", {})
    environment = [{"name": n, "value": v} for n, v in variables.items()]
    return {"name": name, "image": IMAGE, "environment": environment, **members}


def proxied(**properties: str) -> dict[str, Any]:
    found = {
        "AppPorts": "8080",
        "ProxyIngressPort": "15000",
        "ProxyEgressPort": "15001",
        "IgnoredUID": "1337",
        **properties,
    }
    pairs = [{"name": name, "value": value} for name, value in found.items()]
    return {"proxyConfiguration": {"type": "APPMESH", "containerName": "p", "properties": pairs}}


def test_which_packets_are_taken(engine: Podman, tmp_path: Path) -> None:
    """Every row is a real connection; a program in Envoy's place says when it got it."""

    async def work() -> dict[str, str]:
        async with (
            answering("AWS", "127.0.0.1", 18765),
            tasks(engine, tmp_path, ("127.0.0.1", 18765)) as (world, _),
        ):
            await world.start("one", app(variables={"VERSION": "one", "PORTS": "8080,8081"}))
            await world.start("two", app(variables={"VERSION": "two"}))
            await world.up("one", "two")
            one, two = world.address("one"), world.address("two")
            catcher = {"PORTS": "15000,15001", "VERSION": "CAUGHT"}
            plain = {"PORTS": "8080,8082", "VERSION": "app"}
            await world.start(
                "meshed",
                app("p", variables=catcher, user="1337"),
                app(variables=plain),
                app("same", variables={"PORTS": "8083"}, user="1337"),
                app("group", variables={"PORTS": "8084"}, user="5:6"),
                **proxied(EgressIgnoredPorts="8081", EgressIgnoredIPs=two, IgnoredGID="6"),
            )
            await world.up("meshed")

            async def asked(path: str, port: int) -> str:
                return (await world.get("meshed", path, port)).rpartition("\r\n")[2]

            return {
                "in to an AppPort": await asked("/", 8080),
                "in to another port": await asked("/", 8082),
                "out by the application": await asked(f"/connect/{one}/8080", 8082),
                "out by IgnoredUID": await asked(f"/connect/{one}/8080", 8083),
                "out by IgnoredGID": await asked(f"/connect/{one}/8080", 8084),
                "out to an ignored port": await asked(f"/connect/{one}/8081", 8082),
                "out to an ignored address": await asked(f"/connect/{two}/8080", 8082),
                "to its own localhost": await asked("/connect/127.0.0.1/8080", 8082),
                "to its own address": await asked("/connect/localhost/8080", 8082),
                "to the endpoints of ECS": await asked("/connect/169.254.170.2/80", 8082),
            }

    assert asyncio.run(work()) == {
        "in to an AppPort": "VERSION CAUGHT",
        "in to another port": "VERSION app",
        "out by the application": "VERSION CAUGHT",
        "out by IgnoredUID": "VERSION one",
        "out by IgnoredGID": "VERSION one",
        "out to an ignored port": "VERSION one",
        "out to an ignored address": "VERSION two",
        "to its own localhost": "VERSION app",
        "to its own address": "VERSION app",
        "to the endpoints of ECS": "AWS",
    }


def test_task_definitions_mean_what_they_say(engine: Podman, tmp_path: Path) -> None:
    python = json.loads(engine.run("image", "inspect", IMAGE))[0]["Config"]["Entrypoint"][0]
    write = "import os; open('/data/made', 'w').write(str(os.getuid())); print('made it')"
    look = "import os; raise SystemExit(open('/in/made').read() != '7')"
    mount = {"sourceVolume": "shared", "containerPath": "/data"}
    first = app("first", essential=False, user="7", mountPoints=[mount])
    first |= {"entryPoint": [python, "-c"], "command": [write]}
    second = app(
        variables={"VERSION": "x"},
        user="1000:1000",
        dependsOn=[{"containerName": "first", "condition": "SUCCESS"}],
        mountPoints=[{**mount, "containerPath": "/in", "readOnly": True}],
        healthCheck={"command": ["CMD", python, "-c", look], "interval": 5},
        cpu=128,
        memory=256,
        memoryReservation=64,
        # Podman's own default for nproc may be more than this machine's hard limit.
        ulimits=[
            {"name": "nofile", "softLimit": 512, "hardLimit": 1024},
            {"name": "nproc", "softLimit": 100, "hardLimit": 100},
        ],
    )

    async def work() -> Mapping[str, Any]:
        async with tasks(engine, tmp_path) as (world, _):
            await world.start("web", first, second, volumes=[{"name": "shared", "host": {}}])
            await world.up("web")
            assert await world.get("web", "/") == "VERSION x"
            task = world.task("web")
            assert task["healthStatus"] == "HEALTHY"
            name = next(n for n in names(engine) if n.endswith("-app"))
            log = tmp_path / "tasks" / task["taskArn"].rpartition("/")[2] / "first" / "log"
            assert log.read_text() == "made it\n"
            found: Mapping[str, Any] = json.loads(engine.run("inspect", name))[0]
            return found

    shown = asyncio.run(work())
    host = shown["HostConfig"]
    assert shown["Config"]["User"] == "1000:1000"
    assert (host["Memory"], host["MemoryReservation"], host["CpuShares"]) == (
        256 << 20,
        64 << 20,
        128,
    )
    limits = {u["Name"].upper().removeprefix("RLIMIT_"): u for u in host["Ulimits"]}
    assert (limits["NOFILE"]["Soft"], limits["NOFILE"]["Hard"]) == (512, 1024)
    # The engine has ended the tasks, and nothing of them is left.
    assert names(engine) == []


def test_faults_are_told_and_tried_again(engine: Podman, tmp_path: Path) -> None:
    async def work() -> None:
        async with tasks(engine, tmp_path) as (world, _):
            documents = world.documents
            await world.start("away", app() | {"image": "localhost/team/nobody:1"})
            await world.start("broken", app(entryPoint=["/no/such/program"]))
            await world.start("hungry", app(memory=128))
            await world.up("hungry")
            first = world.task("hungry")["taskArn"]
            with contextlib.suppress(httpx.HTTPError):
                await world.get("hungry", "/eat")
            wanted = {
                "away": (
                    "CannotPullContainerError",
                    "localhost/team/nobody:1",
                    "build or pull it",
                ),
                "broken": ("container app cannot be started", "/no/such/program"),
                "hungry": ("Essential container in task exited: app with code 137",),
            }

            def told(_: Any) -> bool:
                return all(
                    any(all(word in message for word in words) for message in documents.events(n))
                    for n, words in wanted.items()
                )

            await documents.until(told)
            await documents.until(
                lambda _: any(
                    b["taskArn"] != first and b["group"] == "service:hungry"
                    for b in documents.tasks("RUNNING")
                )
            )

    asyncio.run(work())


def test_an_engine_that_is_gone_harms_no_task(engine: Podman, tmp_path: Path) -> None:
    async def work() -> None:
        async with tasks(engine, tmp_path) as (world, _):
            await world.start("web", app(variables={"VERSION": "1"}))
            await world.up("web")
            task = world.task("web")["taskArn"]
            await asyncio.to_thread(engine.stop)
            try:
                await world.start("late", app(variables={"VERSION": "2"}))
                await world.documents.until(
                    lambda _: any("does not answer" in m for m in world.documents.events("late"))
                )
                assert await world.get("web", "/") == "VERSION 1"
            finally:
                await asyncio.to_thread(engine.start)
            await world.up("late")
            assert await world.get("late", "/") == "VERSION 2"
            assert world.task("web")["taskArn"] == task

    asyncio.run(work())


def names(engine: Podman) -> list[str]:
    return engine.run("ps", "--all", "--format", "{{.Names}}").split()
