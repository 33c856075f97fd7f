"""PostgreSQL goes away in the middle of a deployment, and comes back."""

from __future__ import annotations

import time

import pytest

from tests.drills.conftest import Drills
from tests.support.programs.postgres import Server
from tests.support.waiting import until


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_it_is_stopped_for_half_a_minute(drills: Drills, server: Server) -> None:
    with drills.play("database-stopped", databases=[server.url] * 2) as drill:
        drill.deploy()
        drill.reaches("MEASURING")
        with drill.fault():
            server.stop()
            # Writes are refused, in words, once it has been away for longer than a restart takes.
            until(lambda: drill.writer.errors["ServiceUnavailableException"])
            time.sleep(30)
            server.start()
        drill.finished()


@pytest.mark.scenario
@pytest.mark.timeout(900)
def test_it_is_killed(drills: Drills, server: Server) -> None:
    with drills.play("database-killed", databases=[server.url] * 2) as drill:
        drill.deploy()
        drill.reaches("MEASURING")
        with drill.fault():
            server.kill()
            server.start()
        drill.finished()
