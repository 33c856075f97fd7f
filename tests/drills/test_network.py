"""The network between replicas and PostgreSQL is cut, in silence."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills.conftest import Drills
from tests.drills.stage import PATIENCE
from tests.support.programs.cables import NEEDS_ROOT, Network, network
from tests.support.programs.postgres import Server
from tests.support.waiting import until

pytestmark = [NEEDS_ROOT, pytest.mark.drill, pytest.mark.timeout(900)]


@pytest.fixture
def cables() -> Iterator[Network]:
    """One for each replica, and one for looking at what is committed."""
    with network(3) as made:
        yield made


@pytest.fixture
def beyond(cables: Network) -> Iterator[Server]:
    """A PostgreSQL at the other end of the cables."""
    with tempfile.TemporaryDirectory(prefix="tealmesh-postgres-") as directory:
        server = Server(Path(directory), {"listen_addresses": "*"}, prefix=cables.prefix)
        server.address = cables.cables[-1].address
        server.initialise()
        server.trust("198.18.0.0/15")
        server.start()
        try:
            yield server
        finally:
            server.stop()


def test_one_replica_is_cut_off(drills: Drills, cables: Network, beyond: Server) -> None:
    """The one that works on the deployment. Its Envoys find the other one, which goes on."""
    urls = [beyond.url_at(cable.address) for cable in cables.cables[:2]]
    with drills.play("network-one", databases=urls, look=beyond.url) as drill:
        drill.deploy()
        drill.reaches("MEASURING")
        cut = drill.leader()
        cable = cables.cables[drill.planes.index(cut)]
        with drill.fault():
            began = time.monotonic()
            cable.cut()
            until(lambda: not drill.envoys(cut), cut.log, PATIENCE)
            drill.note(f"its Envoys were elsewhere after {time.monotonic() - began:.0f} s")
            drill.finished(drill.other(cut))
            assert not drill.envoys(cut)
            cable.mend()


def test_all_replicas_are_cut_off(drills: Drills, cables: Network, beyond: Server) -> None:
    """Envoys stay where they are: nobody has more than the others."""
    urls = [beyond.url_at(cable.address) for cable in cables.cables[:2]]
    with drills.play("network-all", databases=urls, look=beyond.url) as drill:
        drill.deploy()
        drill.reaches("MEASURING")
        before = [drill.envoys(plane) for plane in drill.planes]
        with drill.fault():
            for cable in cables.cables[:2]:
                cable.cut()
            until(lambda: drill.writer.errors["ServiceUnavailableException"], seconds=PATIENCE)
            time.sleep(30)
            assert [drill.envoys(plane) for plane in drill.planes] == before
            for cable in cables.cables[:2]:
                cable.mend()
        drill.finished()
