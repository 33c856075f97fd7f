"""The control plane is killed at any moment: its tasks go on, and the next one adopts them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tealmesh.engine.engine import Engine
from tealmesh.store.store import Store
from tests.support.planes.engine import Documents, definition, engine_context, running, service, web


@contextlib.contextmanager
def killed_later(directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An engine in another process, killed without warning at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.engine.task.engine_process", str(directory)],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"running\n"
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()


def prepare(directory: Path, desired: int) -> None:
    """What the API has written before the engine starts."""

    async def write() -> None:
        store = Store.open(directory / "state.db")
        documents = Documents(store)
        await documents.images(web="version=1")
        arn = await documents.define(definition("web", 1, web()))
        await documents.put_service(service("web", arn, desired))
        store.close()

    asyncio.run(write())


def pids(directory: Path) -> list[int]:
    return sorted(int(path.read_text().split()[0]) for path in directory.glob("tasks/*/app/pid"))


async def text(http: httpx.AsyncClient, url: str) -> str:
    """What the application answers, as soon as it listens."""
    for _ in range(200):
        with contextlib.suppress(httpx.ConnectError):
            return (await http.get(url)).text
        await asyncio.sleep(0.05)
    raise AssertionError(f"{url} is never answered")


def wait_for_pids(directory: Path, count: int) -> list[int]:
    async def look() -> list[int]:
        for _ in range(2000):
            if len(pids(directory)) >= count:
                return pids(directory)
            await asyncio.sleep(0.01)
        raise AssertionError(f"only {pids(directory)} were started")

    return asyncio.run(look())


def test_tasks_outlive_the_control_plane_and_are_adopted(tmp_path: Path) -> None:
    prepare(tmp_path, 2)
    with killed_later(tmp_path):
        before = wait_for_pids(tmp_path, 2)

    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        async with running(engine_context(tmp_path, store)):
            await documents.steady("web")
            tasks = documents.tasks("RUNNING")
            assert len(tasks) == 2
            asked = [f"http://{t['teal']['address']}:8080/pid" for t in tasks]
            async with httpx.AsyncClient(trust_env=False, verify=False) as http:
                answers = [int(await text(http, url)) for url in asked]
            assert sorted(answers) == before
            assert pids(tmp_path) == before, "nothing was started a second time"

            # And they are looked after: what dies now is replaced.
            os.kill(answers[0], signal.SIGKILL)
            await documents.until(lambda _: len(documents.tasks("STOPPED")) == 1)
            (dead,) = documents.tasks("STOPPED")
            assert dead["containers"][0]["exitCode"] == 137
            await documents.until(lambda _: len(documents.tasks("RUNNING")) == 2)
        store.close()

    asyncio.run(scenario())


MOMENTS = (
    *(0.0, 0.03, 0.2),
    *(pytest.param(moment, marks=pytest.mark.scenario) for moment in (0.01, 0.06, 0.1)),
)


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_of_a_start(tmp_path: Path, moment: float) -> None:
    prepare(tmp_path, 3)
    for _ in range(2):
        with killed_later(tmp_path):
            asyncio.run(asyncio.sleep(moment))

    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        async with running(engine_context(tmp_path, store)):
            await documents.steady("web")
            assert len(documents.tasks("RUNNING")) == 3
            assert len(documents.tasks()) == 3
            assert len(pids(tmp_path)) == 3
            addresses = {t["teal"]["address"] for t in documents.tasks()}
            assert len(addresses) == 3
        store.close()

    asyncio.run(scenario())


def test_what_died_meanwhile_is_noticed_with_its_exit_code(tmp_path: Path) -> None:
    prepare(tmp_path, 1)
    with killed_later(tmp_path):
        wait_for_pids(tmp_path, 1)
        asyncio.run(asyncio.sleep(0.5))
    store = Store.open(tmp_path / "state.db")
    (task,) = Documents(store).tasks()

    async def scenario() -> None:
        async with httpx.AsyncClient(trust_env=False, verify=False) as http:
            url = f"http://{task['teal']['address']}:8080"
            await text(http, f"{url}/")
            with contextlib.suppress(httpx.HTTPError):
                await http.get(f"{url}/crash")
        documents = Documents(store)
        async with running(engine_context(tmp_path, store)):
            await documents.until(lambda _: len(documents.tasks("STOPPED")) == 1)
            (dead,) = documents.tasks("STOPPED")
            assert dead["containers"][0]["exitCode"] == 7
            await documents.until(lambda _: len(documents.tasks("RUNNING")) == 1)

    asyncio.run(scenario())
    store.close()


def test_closing_leaves_the_tasks_and_stop_all_does_not(tmp_path: Path) -> None:
    prepare(tmp_path, 2)

    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        first = Engine(engine_context(tmp_path, store))
        job = asyncio.create_task(first.run())
        await documents.steady("web")
        await first.close()
        assert job.cancelled()
        urls = [f"http://{t['teal']['address']}:8080/" for t in documents.tasks()]
        async with httpx.AsyncClient(trust_env=False, verify=False) as http:
            assert [await text(http, url) for url in urls] == ["1", "1"]

            async with running(engine_context(tmp_path, store)) as second:
                await second.stop_all()
                assert {t["lastStatus"] for t in documents.tasks()} == {"STOPPED"}
                assert documents.service("web")["desiredCount"] == 2
                for url in urls:
                    with pytest.raises(httpx.ConnectError):
                        await http.get(url)

        # The next one starts the services again.
        async with running(engine_context(tmp_path, store)):
            await documents.until(lambda _: len(documents.tasks("RUNNING")) == 2)
        store.close()

    asyncio.run(scenario())
