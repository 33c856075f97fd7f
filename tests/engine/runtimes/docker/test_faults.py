"""Faults of containers, of Docker and of the disk are reported, retried and survived."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.engine.runtimes.docker.tasks import IMAGE, app, names, tasks
from tests.support.programs.podman import Podman, needs_engine

pytestmark = needs_engine

HANG = "import time; time.sleep(1234)"


def test_faults_are_reported_and_tried_again(docker: Podman, tmp_path: Path) -> None:
    async def work() -> None:
        async with tasks(docker, tmp_path) as (world, _):
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
                "hungry": ("app with code 137", "OutOfMemoryError: Container killed"),
            }

            def reported(_: Any) -> bool:
                return all(
                    any(all(word in message for word in words) for message in documents.events(n))
                    for n, words in wanted.items()
                )

            await documents.until(reported)
            await documents.until(
                lambda _: any(
                    b["taskArn"] != first and b["group"] == "service:hungry"
                    for b in documents.tasks("RUNNING")
                )
            )

    asyncio.run(work())


def test_a_docker_that_is_away_harms_no_task(docker: Podman, tmp_path: Path) -> None:
    async def work() -> None:
        async with tasks(docker, tmp_path) as (world, _):
            await world.start("web", app(variables={"VERSION": "1"}))
            await world.up("web")
            task = world.task("web")["taskArn"]
            await asyncio.to_thread(docker.stop)
            try:
                await world.start("late", app(variables={"VERSION": "2"}))
                await world.documents.until(
                    lambda _: any("does not answer" in m for m in world.documents.events("late"))
                )
                assert await world.get("web", "/") == "VERSION 1"
                await world.reported("web", "The task keeps running, and is looked after again")
            finally:
                await asyncio.to_thread(docker.start)
            await world.up("late")
            assert await world.get("late", "/") == "VERSION 2"
            assert world.task("web")["taskArn"] == task

    asyncio.run(work())


def test_what_ends_while_no_control_plane_runs_is_replaced(docker: Podman, tmp_path: Path) -> None:
    """Removed, or without its network: seen by the next control plane. A Docker that is not back
    yet when that one starts harms nothing.
    """
    before: dict[str, Any] = {}

    def container(name: str, end: str) -> str:
        identity = before[name]["taskArn"].rpartition("/")[2]
        return next(n for n in names(docker) if n.endswith(f"{identity}-{end}"))

    async def first() -> None:
        async with tasks(docker, tmp_path, leave=True) as (world, _):
            for name in ("kept", "removed", "cut", "late"):
                await world.start(name, app(variables={"VERSION": name}))
            await world.up("kept", "removed", "cut", "late")
            before.update({name: world.task(name) for name in ("kept", "removed", "cut", "late")})

    async def second() -> None:
        async with tasks(docker, tmp_path, mode="auto") as (world, _):
            await asyncio.sleep(1)
            assert {t["lastStatus"] for t in world.documents.tasks()} == {"RUNNING"}
            await asyncio.to_thread(docker.start)
            event = "Essential container in task exited: app with code 137"
            for name in ("removed", "cut"):
                await world.replaced(name, before[name])
                assert any(event in message for message in world.documents.events(name))
            assert await world.get("cut", "/") == "VERSION cut"
            await asyncio.to_thread(docker.run, "kill", container("late", "task.network"))
            await world.replaced("late", before["late"])
            event = "The network of the task was ended from outside"
            assert any(event in message for message in world.documents.events("late"))
            assert await world.get("kept", "/") == "VERSION kept"
            assert world.task("kept")["taskArn"] == before["kept"]["taskArn"]

    asyncio.run(first())
    docker.run("rm", "--force", "--time", "0", container("removed", "app"))
    docker.run("kill", container("cut", "task.network"))
    forgotten = tmp_path / "tasks" / "forgotten"
    (forgotten / "app").mkdir(parents=True)
    (forgotten / "pod.json").write_text("{}")
    docker.stop()
    asyncio.run(second())
    assert names(docker) == []


def test_a_full_disk_is_reported_and_harms_no_task(docker: Podman, tmp_path: Path) -> None:
    print_much = "import time; print(9000 * ('x' * 99 + '\\n')); time.sleep(1); print('more')"
    (tmp_path / "tasks").mkdir()
    disk = str(tmp_path / "tasks")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)

    async def work() -> None:
        async with tasks(docker, tmp_path) as (world, _):
            await world.start("web", app(variables={"VERSION": "1"}))
            await world.up("web")
            python = json.loads(docker.run("image", "inspect", IMAGE))[0]["Config"]["Entrypoint"][0]
            command = f"{print_much}; time.sleep(1000)"
            await world.start("loud", app(entryPoint=[python, "-u", "-c", command], stopTimeout=1))
            filler = tmp_path / "tasks" / "filler"
            with contextlib.suppress(OSError):
                filler.write_bytes(b"x" * 600_000)
            await world.reported("loud", "No space left on device")
            await world.start("late", app(variables={"VERSION": "2"}))
            await world.reported("late", "No space left on device")
            assert await world.get("web", "/") == "VERSION 1"
            filler.unlink()
            await world.up("late")
            loud = next(t for t in world.documents.tasks() if t["group"] == "service:loud")
            log = tmp_path / "tasks" / loud["taskArn"].rpartition("/")[2] / "app" / "log"
            await until(lambda: log.read_text().endswith("x\n\nmore\n"))
            assert log.stat().st_size == 900_006

    try:
        asyncio.run(work())
    finally:
        subprocess.run(["umount", disk], check=True)


def test_what_hangs_does_not_keep_a_task_from_stopping(docker: Podman, tmp_path: Path) -> None:
    """A registry that never answers; a health check that never ends, which is ended."""
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    async def work() -> None:
        registry = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = registry.sockets[0].getsockname()[1]
        python = json.loads(docker.run("image", "inspect", IMAGE))[0]["Config"]["Entrypoint"][0]
        check = {"command": ["CMD", python, "-c", HANG], "timeout": 2}
        async with tasks(docker, tmp_path) as (world, _):
            await world.start("pulled", app() | {"image": f"127.0.0.1:{port}/team/x:1"})
            await world.start("checked", app(healthCheck={**check, "interval": 5}))
            await asked.wait()
            await world.reported("pulled", "pulls image 127.0.0.1")
            await until(lambda: bool(commands(HANG)))
            first = commands(HANG)
            await until(lambda: not first & commands(HANG))
            for name in ("pulled", "checked"):
                await world.documents.update_service(name, lambda body: body.update(desiredCount=0))
            await world.documents.until(
                lambda _: not [t for t in world.documents.tasks() if t["lastStatus"] != "STOPPED"]
            )
        registry.close()

    asyncio.run(work())


def commands(argument: str) -> set[int]:
    """The processes of this machine that have this as their last argument."""
    pids = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                if (entry / "cmdline").read_bytes().endswith(f"\0{argument}\0".encode()):
                    pids.add(int(entry.name))
    return pids


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - a file or a process tells nobody
            await asyncio.sleep(0.1)
