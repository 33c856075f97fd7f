"""A disk is full: that of PostgreSQL, and that of a control plane on SQLite."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from tests.drills.conftest import Drills
from tests.drills.results import recorded
from tests.drills.stage import RATE, until_converged
from tests.drills.writing import Writer
from tests.support.planes.control_plane import control_plane
from tests.support.planes.sample import Sample, finished
from tests.support.planes.serving import ServePlane
from tests.support.programs.disks import NEEDS_ROOT, Disk, disk
from tests.support.programs.postgres import Server
from tests.support.programs.traffic import traffic
from tests.support.waiting import until

REFUSED = "InternalServerErrorException"
"""The error of App Mesh's model for what the server cannot do; SDKs try again."""

pytestmark = [NEEDS_ROOT, pytest.mark.drill, pytest.mark.timeout(900)]

SETTINGS = {
    "min_wal_size": "2MB",
    "max_wal_size": "8MB",
    "max_wal_senders": "0",
    "wal_level": "minimal",
}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Disk]:
    # What PostgreSQL's user may reach.
    with disk(
        Path(f"/tmp/tealmesh-disk-{tmp_path.parent.name}-{time.monotonic_ns()}"), 112
    ) as made:
        yield made


@pytest.fixture
def cramped(small: Disk) -> Iterator[Server]:
    """A PostgreSQL on a small disk."""
    place = small.path / "postgres"
    place.mkdir()
    server = Server(place, SETTINGS, layout=("--wal-segsize=1",))
    server.initialise()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def test_that_of_postgresql(drills: Drills, cramped: Server, small: Disk) -> None:
    with drills.play("disk-postgresql", databases=[cramped.url] * 2) as drill:
        drill.deploy()
        drill.reaches("MEASURING")
        with drill.fault():
            small.fill()
            until(lambda: drill.writer.errors["ServiceUnavailableException"])
            told = _told_ready(drill.planes, 10.0)
            small.free()
            # It may end itself once, and start again; else replicas serve what they can.
            assert all(sum(a != b for a, b in pairwise(each)) <= 2 for each in told), told
            if not cramped.runs:
                drill.note("PostgreSQL had ended itself and was started again")
                cramped.start()
        drill.finished()


def _told_ready(planes: Sequence[ServePlane], seconds: float) -> list[list[int]]:
    """What load balancers are answered by each replica, asked for so long."""
    answers: list[list[int]] = [[] for _ in planes]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for plane, told in zip(planes, answers, strict=True):
            told.append(httpx.get(f"{plane.endpoint}/_teal/ready", trust_env=False).status_code)
        time.sleep(0.1)
    return answers


def test_that_of_a_control_plane_alone(small: Disk, tmp_path: Path) -> None:
    """`teal up` on SQLite: writes are refused, callers notice nothing."""
    sample = Sample(tmp_path, step_time="2s")
    with recorded("disk-sqlite") as row, control_plane(small.path, sample.config) as plane:
        sample.apply(plane)
        with traffic((sample.url, RATE)) as load:
            until(lambda: load.total.versions["1"])
            writer = Writer([plane.endpoint], "sample", "edge", "counter", {REFUSED})
            writer.start()
            plane.teal("deploy", "web", "--image", "example/sample:0.0.2", "--no-follow")
            until(lambda: len(writer.moves) > 3)
            small.fill()
            until(lambda: writer.errors.total() > 20, plane.log)
            assert set(writer.errors) == {REFUSED}
            assert all("disk is full" in one for one in writer.told), writer.told
            small.free()
            since = time.monotonic()
            first = until(lambda: writer.first_since(since), plane.log)
            row.first_write = round(first - since, 2)
            until_converged(plane, "sample")
            row.converged = round(time.monotonic() - since, 2)
            ended = finished(plane)
            writer.stop()
            total = load.stop()
        row.requests, row.lost = total.sent, sum(total.failures.values())
        row.writes, row.refused = writer.writes, writer.errors.total()
        row.deployments = 1
        database = sa.create_engine(f"sqlite:///{small.path}/data/state.db")
        lost = writer.lost(database)
        row.lost_writes = len(lost)
        database.dispose()
        assert ended["status"] == "SUCCESSFUL", ended
        assert not total.failures, total.failures
        assert not lost, lost
