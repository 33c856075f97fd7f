"""Replicas of two releases side by side, while one after the other is replaced."""

from __future__ import annotations

import pytest
from bench.swarm.former import former

from tests.drills.conftest import Drills
from tests.drills.stage import Drill
from tests.support.programs.postgres import Server

COMMIT = "88d4125e"
"""Of the release before: as long as there are no releases, what was handed over last."""


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_one_replica_after_the_other_is_replaced(drills: Drills, server: Server) -> None:
    with former(COMMIT) as tree:
        if tree is None:
            pytest.skip(f"commit {COMMIT} is not in this repository: a shallow clone?")

        def old(drill: Drill) -> None:
            for plane in drill.planes:
                plane.tree = tree

        with drills.play("upgrade", databases=[server.url] * 2, prepare=old) as drill:
            drill.deploy()
            for plane in drill.planes:
                drill.reaches("SCALING_UP")
                with drill.fault():
                    plane.down()
                    plane.tree = None
                    plane.start()
                drill.note(f"{COMMIT} and this one side by side, then this one alone")
            drill.finished()
            drill.deploy()
            drill.finished()
