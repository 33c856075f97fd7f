"""A mesh whose Envoys are at several replicas has converged when all say so."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tealmesh.model.convergence import EnvoyStatus, Reported
from tests.xds.stream import BOTH, Plane, Stream, run


class _Others:
    """What others report, as told."""

    def __init__(self, *reports: Reported) -> None:
        self.reports = {one.status.id: one for one in reports}

    def reported(self, mesh: str) -> Mapping[str, Reported]:
        return self.reports


def _report(identity: str, at: int, connected: bool = True, rejected: str = "") -> Reported:
    status = EnvoyStatus(identity, "n", "mesh/m/virtualNode/n", connected, at, rejected=rejected)
    return Reported(status, at)


@BOTH
def test_those_at_other_replicas_are_waited_for(delta: bool) -> None:
    async def scenario(plane: Plane, streams: list[Stream]) -> None:
        (stream,) = streams
        await stream.start()
        revision = plane.snapshot.revision
        assert (await plane.cache.wait_converged("m", revision, 10)).converged
        others = plane.cache.elsewhere = _Others(_report("far", revision - 1))
        behind = plane.cache.convergence("m", revision)
        assert (behind.converged, behind.waiting) == (False, ("far",))
        assert behind.expected == ("far", "task-1")
        waits = asyncio.create_task(plane.cache.wait_converged("m", revision, 10))
        await asyncio.sleep(0)
        others.reports["far"] = _report("far", revision)
        plane.cache.waiting.all("m")
        assert (await waits).converged
        assert [one.id for one in plane.cache.envoys("m")] == ["far", "task-1"]

    run(delta, scenario)


@BOTH
def test_one_that_was_connected_to_a_dead_replica_counts_where_it_is_now(delta: bool) -> None:
    async def scenario(plane: Plane, streams: list[Stream]) -> None:
        (stream,) = streams
        await stream.start()
        revision = plane.snapshot.revision
        await plane.cache.wait_converged("m", revision, 10)
        others = plane.cache.elsewhere = _Others(_report("task-1", revision - 1, connected=False))
        assert plane.cache.convergence("m", revision).converged
        # Connected to both for a moment: both have to say so.
        others.reports["task-1"] = _report("task-1", revision - 1)
        assert plane.cache.convergence("m", revision).waiting == ("task-1",)
        assert [one.status.acknowledged for one in plane.cache.here("m")] == [revision]

    run(delta, scenario)


@BOTH
def test_what_is_refused_there_is_told_here(delta: bool) -> None:
    async def scenario(plane: Plane, streams: list[Stream]) -> None:
        (stream,) = streams
        await stream.start()
        revision = plane.snapshot.revision
        await plane.cache.wait_converged("m", revision, 10)
        refuses = _report("far", revision - 1, rejected="no such cluster")
        plane.cache.elsewhere = _Others(Reported(refuses.status, revision))
        state = await plane.cache.wait_converged("m", revision, 10)
        assert state.rejected == {"far": "no such cluster"}

    run(delta, scenario)
