"""The board of changes: whoever reads it, however seldom, ends with what there is."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.app.dashboard.board import REMEMBERED_SECONDS, SECTIONS, Board

STATES = st.lists(
    st.dictionaries(
        st.sampled_from(SECTIONS[:3]),
        st.dictionaries(st.sampled_from(["a", 'b"', "ü"]), st.integers(0, 3), max_size=3),
    ),
    max_size=12,
)


def parsed(event: bytes) -> tuple[str, str, Any]:
    lines = dict(line.split(": ", 1) for line in event.decode().strip().split("\n"))
    return lines["id"], lines["event"], json.loads(lines["data"])


class Reader:
    """A page as docs/stream.md tells it to behave."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.known: dict[str, dict[str, Any]] = {}
        self.last_id = ""

    def read(self) -> str:
        self.last_id, kind, data = parsed(self.board.read(self.board.resumed(self.last_id)))
        if kind == "snapshot":
            self.known = data
        else:
            for section, change in data.items():
                self.known[section].update(change.get("put", {}))
                for key in change.get("gone", []):
                    self.known[section].pop(key, None)
        return kind


def full(state: dict[str, Any]) -> dict[str, Any]:
    return {section: state.get(section, {}) for section in SECTIONS}


@given(STATES, st.data())
def test_a_reader_ends_with_what_there_is(
    states: list[dict[str, Any]], data: st.DataObject
) -> None:
    board = Board("b")
    reader = Reader(board)
    now = 0.0
    for state in states:
        board.update(full(state), now)
        now += data.draw(st.sampled_from([1.0, REMEMBERED_SECONDS]))
        if data.draw(st.booleans()):
            reader.read()
            assert reader.known == full(state)
    board.update(full({}), now)
    reader.read()
    assert reader.known == full({})


def test_a_change_has_only_what_changed() -> None:
    board = Board("b")
    board.update(full({"services": {"a": 1, "b": 2}}), 0.0)
    reader = Reader(board)
    assert reader.read() == "snapshot"
    assert board.update(full({"services": {"a": 1, "c": 3}}), 1.0)
    event = parsed(board.read(board.resumed(reader.last_id)))
    assert event == ("b-2", "change", {"services": {"put": {"c": 3}, "gone": ["b"]}})
    assert not board.update(full({"services": {"a": 1, "c": 3}}), 2.0)
    assert board.number == 2


def test_the_id_of_another_control_plane_or_of_long_ago_gets_a_snapshot() -> None:
    board = Board("b")
    board.update(full({"services": {"a": 1}}), 0.0)
    for last in ("", "a-1", "b-", "b-x", "b-99", "b--1", "b-٣"):
        assert parsed(board.read(board.resumed(last)))[1] == "snapshot", last
    board.update(full({}), 1.0)
    assert parsed(board.read(board.resumed("b-1")))[1] == "change"
    board.update(full({"tasks": {"t": 1}}), 2.0 + REMEMBERED_SECONDS)
    assert parsed(board.read(board.resumed("b-1")))[1] == "snapshot"
    assert parsed(board.read(board.resumed("b-2")))[1] == "change"


def test_several_readers_share_what_is_written() -> None:
    board = Board("b")
    board.update(full({"services": {"a": 1}}), 0.0)
    assert board.read(None) is board.read(None)
