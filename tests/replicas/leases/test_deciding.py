"""The lease machine over interleavings: two never work at once, and no late write lands."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tealmesh.replicas.leases.deciding import Row, Terms, Watched, ends, free, watched
from tests.support.drills import examples

TERMS = Terms(expires=8, lasts=6, renewed=1)


@dataclass
class _Replica:
    name: str
    ahead: float
    """Its clock differs from the others'."""
    seen: Watched | None = None
    number: int = 0
    """Of the lease that it believes to have."""
    until: float = 0.0
    asked: tuple[float, Row | None] | None = None
    """A take or renewal on its way: when it was asked for, and by what was seen."""


@dataclass
class _World:
    """The database, and real time."""

    row: Row | None = None
    now: float = 0.0
    written: list[int] = field(default_factory=list)
    """The numbers under which writes were accepted, in their order."""


def _act(world: _World, one: _Replica, what: str) -> None:
    mine = world.now + one.ahead
    if what == "look":
        one.seen = watched(one.seen, world.row, mine)
    elif what == "ask":
        row = one.seen.row if one.seen else None
        if one.number and mine < one.until:
            one.asked = (mine, row)
        elif one.seen is not None and free(one.seen, one.name, mine, TERMS):
            one.asked, one.number = (mine, row), 0
    elif what == "answer" and one.asked is not None:
        _answer(world, one, *one.asked)
        one.asked = None
    elif what == "write" and one.number and world.row and world.row.number == one.number:
        # The check of the database, not of the one that writes.
        world.written.append(one.number)


def _answer(world: _World, one: _Replica, asked: float, row: Row | None) -> None:
    """The database has made what was asked for, however late."""
    if one.number:
        if world.row is not None and world.row.number == one.number:
            world.row = Row(one.name, one.number, world.row.beat + 1)
            one.until = max(one.until, ends(asked, TERMS))
        else:
            one.number = 0
    elif world.row == row:
        one.number = row.number + 1 if row else 1
        world.row = Row(one.name, one.number, 0)
        one.until = ends(asked, TERMS)


steps = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.3, 1.0, 2.0, 5.0, 9.0]),
        st.integers(0, 2),
        st.sampled_from(["look", "ask", "answer", "write"]),
    ),
    max_size=80,
)


@given(steps, st.tuples(*[st.floats(-1e6, 1e6)] * 3))
@settings(max_examples=examples(2000), deadline=None)
def test_two_replicas_never_believe_to_have_it_and_no_write_is_late(
    made: list[tuple[float, int, str]], ahead: tuple[float, float, float]
) -> None:
    world = _World()
    replicas = [_Replica(f"r{i}", round(a)) for i, a in enumerate(ahead)]
    for seconds, which, what in made:
        world.now += seconds
        _act(world, replicas[which], what)
        holders = [r.name for r in replicas if r.number and world.now + r.ahead < r.until]
        assert len(holders) <= 1, holders
        assert world.written == sorted(world.written)


def test_one_that_is_not_renewed_is_free_after_a_while_by_the_watchers_clock() -> None:
    row = Row("other", 3, 7)
    seen = watched(None, row, 100.0)
    seen = watched(seen, row, 105.0)
    assert not free(seen, "me", 107.9, TERMS)
    assert free(seen, "me", 108.0, TERMS)
    renewed = watched(seen, Row("other", 3, 8), 107.0)
    assert not free(renewed, "me", 114.0, TERMS)


def test_one_that_was_given_up_is_free_at_once() -> None:
    assert free(watched(None, None, 0.0), "me", 0.0, TERMS)
    assert free(watched(None, Row("", 3, 8), 0.0), "me", 0.0, TERMS)


def test_terms_in_which_nobody_stops_in_time_are_refused() -> None:
    with pytest.raises(ValueError, match="in time"):
        Terms(expires=5, lasts=5, renewed=1)
