"""Addresses: apart from one another, and from those of other control planes."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.engine.runtimes.process.addresses import (
    CAPACITY,
    AddressRange,
    Gateway,
    check_published,
    choose,
    free,
    lasting_problem,
    pair,
)
from tealmesh.model.errors import EngineError


@given(st.lists(st.integers(0, CAPACITY - 1), min_size=2, max_size=2, unique=True))
def test_no_two_tasks_share_an_address(indexes: list[int]) -> None:
    one, two = (pair(7, index) for index in indexes)
    assert len({one.address, one.app_address, two.address, two.app_address}) == 4
    assert all(a.startswith("127.7.") for a in (one.address, one.app_address))


@given(last=st.integers(0, CAPACITY - 1), used=st.sets(st.integers(0, 50), max_size=20))
def test_the_next_address_is_free_and_not_the_last_one(last: int, used: set[int]) -> None:
    taken = {pair(7, index).address for index in used}
    network = choose(7, taken, pair(7, last).address)
    assert network.address not in taken
    assert network != pair(7, last)


def test_when_all_are_used_it_says_so() -> None:
    taken = {pair(7, index).address for index in range(CAPACITY)}
    with pytest.raises(EngineError, match="stop some tasks"):
        choose(7, taken, "")


def test_two_control_planes_keep_apart_and_each_keeps_to_its_own(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    first = AddressRange(one)
    # The worst case: the second would have preferred the very same.
    (two / "network").write_text(str(first.octet))
    second = AddressRange(two)
    assert first.octet != second.octet
    first.close()
    again = AddressRange(one)
    assert again.octet == first.octet
    again.close()
    second.close()


def test_an_address_in_use_is_noticed() -> None:
    network = pair(251, 0)
    with socket.socket() as other:
        other.bind((network.address, 0))
        port = other.getsockname()[1]
        other.listen()
        assert not free(network, [port])
    assert free(network, [port])


OURS = Gateway(Path("/data"), "mesh/m/virtualGateway/edge")


@contextlib.contextmanager
def listening(*, data_dir: str = "", gateway: str = "edge") -> Iterator[tuple[int, int]]:
    """A program that listens as Envoy does: port and process. With a mark, if of a directory."""
    code = (
        "import socket, time\n"
        "s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n"
        "s.bind(('127.0.0.1', 0)); s.listen(); print(s.getsockname()[1], flush=True)\n"
        "time.sleep(60)"
    )
    environment = dict(os.environ)
    if data_dir:
        environment["TEALMESH_HOME"] = f"{data_dir}/tasks/0123/envoy"
        environment["APPMESH_RESOURCE_ARN"] = f"mesh/m/virtualGateway/{gateway}"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.kill()


def test_a_published_port_of_another_program_says_what_to_do() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        text = f"port {port} of 127.0.0.1 is in use by .* \\(process {os.getpid()}\\)"
        with pytest.raises(EngineError, match=text):
            check_published("127.0.0.1", [port], OURS)
    check_published("127.0.0.1", [port], OURS)


def test_a_published_port_is_shared_with_the_same_gateway_alone() -> None:
    with listening(data_dir="/data") as (port, _):
        check_published("127.0.0.1", [port], OURS)
        for other, name in (
            (Gateway(Path("/data"), "mesh/m/virtualGateway/renamed"), "edge of /data"),
            (Gateway(Path("/elsewhere"), OURS.resource), "edge of /data"),
        ):
            with pytest.raises(EngineError, match=f"in use by gateway {name}"):
                check_published("127.0.0.1", [port], other)
            assert "gateway edge of /data" in lasting_problem("127.0.0.1", port, other)
    with listening() as (port, pid):
        with pytest.raises(EngineError, match=f"\\(process {pid}\\)"):
            check_published("127.0.0.1", [port], OURS)
        assert lasting_problem("127.0.0.1", port, OURS) == "", "it may end by itself"


def test_permission_is_not_in_use() -> None:
    """Asked in a process that may not bind ports below 1024, whoever runs the tests."""
    code = (
        "from tealmesh.engine.runtimes.process.addresses import *\n"
        "from pathlib import Path\n"
        "print(publish_problem('127.0.0.1', 81, Gateway(Path('/d'), 'g')))\n"
        "check_allowed('127.5.5.2', [8080, 81])"
    )
    drop = ["--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"]
    prefix = ["setpriv", *drop] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*prefix, sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    needed = "port 81 needs root: use 1024 or above"
    assert needed in done.stdout, done.stderr
    assert needed in done.stderr
