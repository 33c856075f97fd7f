"""Failures of one part of a service drown in the traffic of the others, unless it is watched."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.test_adopted import started
from tests.support.planes.control_plane import control_plane
from tests.support.planes.sample import IMAGES, Sample, api, finished, weights

BAD = "example/sample:posting"
WATCH = 'watch = [{ method = "POST" }, { prefix = "/nobody-asks" }]'


@contextlib.contextmanager
def mostly_reading(url: str) -> Iterator[None]:
    """A hundred requests a second, of which one in six is a POST."""
    stop = threading.Event()

    async def all_of_them() -> None:
        async with httpx.AsyncClient(timeout=10) as client, asyncio.TaskGroup() as group:
            sent = 0
            while not stop.is_set():
                sent += 1
                method = "GET" if sent % 6 else "POST"
                group.create_task(client.request(method, url))
                await asyncio.sleep(0.01)

    thread = threading.Thread(target=lambda: asyncio.run(all_of_them()))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.scenario
def test_a_version_that_fails_on_post_alone_is_rolled_back_if_post_is_watched(
    tmp_path: Path,
) -> None:
    sample = Sample(tmp_path, success_rate=0.9, gates=WATCH)
    with control_plane(tmp_path, sample.config) as plane:
        sample.apply(plane)
        with mostly_reading(sample.url):
            done = plane.teal("deploy", "web", "--image", BAD, check=False)
            watched = finished(plane)
            sample.gates = ""
            sample.config.write_text(sample.text())
            sample.apply(plane)
            plane.teal("deploy", "web", "--image", BAD)
            drowned = finished(plane)
    assert (done.returncode, watched["status"]) == (1, "ROLLBACK_SUCCESSFUL")
    assert watched["reason"].startswith("success-rate of POST: ")
    gates = {gate["gate"]: gate for gate in watched["evidence"][-1]["verdicts"]}
    assert gates["success-rate"]["verdict"] == "PASS"
    assert gates["success-rate of POST"]["verdict"] == "FAIL"
    assert gates["success-rate of /nobody-asks"]["detail"] == "no request to /nobody-asks"
    assert drowned["status"] == "SUCCESSFUL"


@pytest.mark.drill
def test_so_it_is_for_a_service_that_others_made(tmp_path: Path) -> None:
    config = tmp_path / "teal.toml"
    images = "\n".join(f'"{name}" = {command!r}' for name, command in IMAGES.items())
    gates = f"[adopted.sample.gates]\nmin_requests = 20\nsuccess_rate = 0.9\n{WATCH}\n"
    strategy = '[adopted.sample.strategy]\nsteps = [50, 100]\nstep_time = "500ms"\n'
    config.write_text(f"[images]\n{images}\n{strategy}{gates}")
    with control_plane(tmp_path, config) as plane:
        _, url = started(plane, "blue")
        with mostly_reading(url):
            plane.teal("deploy", "sample", "--image", BAD, check=False)
            deployment = finished(plane, "sample")
            evidence = api(plane).get_evidence("sample", deployment["deploymentId"])
        assert deployment["status"] == "ROLLBACK_SUCCESSFUL"
        assert deployment["reason"].split(" of POST: ")[0] in ("errors", "success-rate")
        assert weights(plane)["blue"] > 0
    tasks = json.loads(evidence["bundle"])["tasks"]
    assert {one["side"] for one in tasks} == {"blue", "green"}
    assert all(re.fullmatch("[0-9a-f]{32}", one["task"]) for one in tasks), "ids, not addresses"
    assert sum(one["failures"] for one in tasks if one["side"] == "green") > 0
