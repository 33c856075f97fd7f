"""A second data plane: grpcio's own xDS client against the same control plane.

It shares no code with Envoy. It plays the rows about gRPC in the same meshes, with the same
expectations.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.behaviour.applications import CALL_ID
from tests.behaviour.caller import Caller, Outcome
from tests.behaviour.rows import ROWS
from tests.behaviour.table import Call, Row
from tests.behaviour.world import LINES, World, place

PREFIXES = (
    "grpc-service",
    "grpc-method",
    "grpc-specificity",
    "grpc-priority",
    "grpc-weights",
    "grpc-ports",
    "grpc-metadata-",
    "grpc-max-retries-",
    "router-grpc",
)
EVENTS = ("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable")
PLAYED = [
    row
    for row in ROWS
    if row.name.startswith(PREFIXES) or row.name in {f"grpc-retry-{event}" for event in EVENTS}
]

_IDS = itertools.count(10**9)
"""Applications count tries by call: no id may be one of the world's own caller, nor come twice when
shuffled rows start the client anew."""


class XdsCaller(Caller):
    """Calls through a gRPC client that gets its routes from the control plane itself."""

    def __init__(self, world: World, process: subprocess.Popen[str]) -> None:
        super().__init__(place, LINES, world.tries, world.pki)
        self._process = process
        self._ids = _IDS
        self.fresh = True

    def _grpc(self, call: Call, name: str) -> Outcome:
        assert self._process.stdin
        assert self._process.stdout
        asked: dict[str, Any] = {"host": call.host, "path": call.path, "fresh": self.fresh}
        asked["metadata"] = {CALL_ID: name, **call.headers}
        self.fresh = False
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        outcome: Outcome = json.loads(self._process.stdout.readline())
        return outcome


@pytest.fixture(scope="module")
def xds(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[XdsCaller]:
    directory = tmp_path_factory.mktemp("xds")
    environment = {**os.environ, "GRPC_XDS_BOOTSTRAP": str(_bootstrap(world, directory))}
    argv = [sys.executable, "-m", "tests.behaviour.xds_client"]
    with (directory / "client.log").open("w") as log:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
            cwd=Path(__file__).parents[2],
        )
    with process:
        yield XdsCaller(world, process)
        assert process.stdin
        process.stdin.close()
        process.wait(20)


def _bootstrap(world: World, directory: Path) -> Path:
    """https://github.com/grpc/proposal/blob/master/A27-xds-global-load-balancing.md"""
    server = {
        "server_uri": f"127.0.0.1:{world.port}",
        "channel_creds": [{"type": "insecure"}],
        "server_features": ["xds_v3"],
    }
    metadata = {"tealmesh": {"task": "grpc-client", "token": "token"}}
    node = {"id": "mesh/m/virtualNode/web", "metadata": metadata}
    path = directory / "bootstrap.json"
    path.touch(0o600)
    path.write_text(json.dumps({"xds_servers": [server], "node": node}))
    return path


@pytest.mark.parametrize("row", PLAYED, ids=lambda row: row.name)
def test_a_row_by_a_client_without_an_envoy(world: World, xds: XdsCaller, row: Row) -> None:
    world.load(row)
    xds.fresh = True
    for call in row.calls:
        xds.check(row.name, call)


def test_it_follows_a_changed_route_and_is_reported_as_converged(
    world: World, xds: XdsCaller
) -> None:
    rows = {row.name: row for row in PLAYED}
    first, second = rows["grpc-priority-over-specificity"], rows["grpc-specificity"]
    world.load(first)
    xds.fresh = True
    for call in first.calls:
        xds.check(first.name, call)
    world.load(second)
    status = {one.id: one for one in world.cache.envoys("m")}["grpc-client"]
    assert (status.connected, status.pending, status.rejected) == (True, (), "")
    for call in second.calls:
        xds.check(second.name, Call(**{**vars(call), "until": 5}))


def test_most_rows_about_grpc_are_played() -> None:
    assert len(PLAYED) >= 20
