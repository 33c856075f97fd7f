"""A failure without a code is a failure: callers that give up leave no status behind."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.planes.control_plane import control_plane
from tests.support.planes.sample import Sample, api, finished, weights


@contextlib.contextmanager
def impatient_callers(url: str, rate: float) -> Iterator[None]:
    """Requests at a steady rate whose callers give up after half a second."""
    stop = threading.Event()

    async def one(client: httpx.AsyncClient) -> None:
        with contextlib.suppress(httpx.HTTPError):
            await client.get(url)

    async def all_of_them() -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        async with (
            httpx.AsyncClient(timeout=0.5, limits=limits) as client,
            asyncio.TaskGroup() as g,
        ):
            while not stop.is_set():
                g.create_task(one(client))
                await asyncio.sleep(1 / rate)

    thread = threading.Thread(target=lambda: asyncio.run(all_of_them()))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.scenario
def test_a_version_that_hangs_until_its_callers_give_up_is_rolled_back(tmp_path: Path) -> None:
    sample = Sample(tmp_path, step_time="2s")
    with control_plane(tmp_path, sample.config) as plane:
        sample.apply(plane)
        with impatient_callers(sample.url, 40.0):
            done = plane.teal("deploy", "web", "--image", "example/sample:hanging", check=False)
            deployment = finished(plane)
        assert done.returncode == 1
        assert deployment["status"] == "ROLLBACK_SUCCESSFUL"
        assert "given up by the caller without an answer" in deployment["reason"]
        step = api(plane).get_deployment("web")["evidence"][-1]
        assert step["failureKinds"]["gone"] == step["failures"] > 0
        assert weights(plane)["blue"] > 0
