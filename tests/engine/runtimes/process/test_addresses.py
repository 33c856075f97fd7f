"""Addresses: apart from one another, and from those of other control planes."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.engine.runtimes.process.addresses import (
    CAPACITY,
    AddressRange,
    check_published,
    choose,
    free,
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


def test_a_published_port_of_another_program_says_what_to_do() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(EngineError, match=f"port {port} of 127.0.0.1 is in use by another"):
            check_published("127.0.0.1", [port])
    check_published("127.0.0.1", [port])


def test_a_published_port_may_be_shared_with_our_own_envoys() -> None:
    with socket.socket() as envoy:
        envoy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        envoy.bind(("127.0.0.1", 0))
        envoy.listen()
        check_published("127.0.0.1", [envoy.getsockname()[1]])
