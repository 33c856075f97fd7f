"""All Envoys connect again at once while weights change."""

from __future__ import annotations

import pytest
from bench.swarm.owned import owned

from tealmesh.model.rollout.states import State
from tests.drills.conftest import Drills
from tests.support.programs.postgres import Server

ENVOYS = 1_000
CHANGES = 3
"""How often a deployment changes weights, by `stage.SETTINGS`."""


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_a_thousand_connect_again_while_weights_change(drills: Drills, server: Server) -> None:
    with drills.play("reconnects", databases=[server.url] * 2) as drill:
        ports, resource = [plane.xds_port for plane in drill.planes], drill.article.caller("many")
        with owned(ENVOYS, ports, drill.planes[0].keys, [resource]) as swarm:
            swarm.ask("storm")
            drill.deploy()
            slowest = 0.0
            for change in range(1, CHANGES + 1):
                drill.reaches(State.SHIFTING.value, change)
                with drill.fault():
                    drill.front.cut()
                    slowest = max(slowest, swarm.ask("again")["seconds"])
            drill.finished()
        drill.note(f"all had their configuration again within {slowest:.1f} s")
