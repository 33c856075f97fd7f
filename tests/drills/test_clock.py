"""The wall clock of a machine is wrong, and is set while a deployment runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drills.conftest import Drills
from tests.drills.shifted import VARIABLE, shift
from tests.drills.stage import Drill
from tests.support.programs.postgres import Server

AHEAD = 240.0
"""Seconds: by more than five minutes, AWS refuses what a machine signs."""


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_a_replica_is_ahead_and_its_clock_jumps(
    drills: Drills, server: Server, tmp_path: Path
) -> None:
    place = tmp_path / "clock"
    shift(place, AHEAD)

    def ahead(drill: Drill) -> None:
        drill.planes[0].program = "shifted"
        drill.planes[0].given[VARIABLE] = str(place)

    with drills.play("clock-jumps", databases=[server.url] * 2, prepare=ahead) as drill:
        drill.deploy()
        for transition, jump in (("SCALING_UP", -AHEAD), ("MEASURING", AHEAD), ("BAKING", 0.0)):
            drill.reaches(transition)
            with drill.fault():
                shift(place, jump)
        drill.finished()
        works = "it" if drill.leader() is drill.planes[0] else "the other one"
        drill.note(f"{works} worked on the deployment")
