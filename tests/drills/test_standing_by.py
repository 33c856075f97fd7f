"""PostgreSQL fails over to a stand-by: one that has all that was acknowledged, and one that has
lost something.
"""

from __future__ import annotations

import time

import pytest

from tests.drills.conftest import Drills
from tests.drills.stage import Drill
from tests.support.programs.postgres import Server
from tests.support.programs.relay import relay
from tests.support.programs.standing_by import caught_up, either, promote, stand_by
from tests.support.waiting import until


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_to_a_synchronous_stand_by(drills: Drills, server: Server) -> None:
    with stand_by(server, synchronous=True) as other:
        url = either(server, other)
        with drills.play("standby-promoted", databases=[url, url]) as drill:
            drill.deploy()
            drill.reaches("MEASURING")
            with drill.fault():
                server.kill()
                promote(other)
            drill.finished()


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_to_an_asynchronous_one_that_has_lost_commits(drills: Drills, server: Server) -> None:
    with relay(server.port) as between, stand_by(server, between.port) as other:
        url = either(server, other)
        with drills.play("standby-behind", databases=[url, url]) as drill:
            drill.deploy()
            drill.reaches("MEASURING")
            drill.writer.pause()
            until(lambda: caught_up(server))
            between.refuses = True
            between.cut()
            lost = _written(drill)
            with drill.fault():
                server.kill()
                promote(other)
                for plane in drill.planes:
                    until(lambda at=plane: "does not continue revision" in at.log(), plane.log)
                drill.writer.go_on()
            drill.finished()
            for plane in drill.planes:
                assert not lost & drill.nodes(plane)
            drill.note(f"{len(lost)} writes never reached the stand-by; each replica's log says so")


def _written(drill: Drill) -> set[str]:
    """Virtual nodes that are acknowledged, and seen at each replica, and will be lost."""
    names = {f"lost-{number}" for number in range(3)}
    client = drill.planes[0].client("appmesh")
    for name in names:
        client.create_virtual_node(
            meshName=drill.article.mesh, virtualNodeName=name, spec={"listeners": []}
        )
    for plane in drill.planes:
        until(lambda at=plane: names <= drill.nodes(at), plane.log)
    time.sleep(1)  # the deployment goes on, too
    return names
