"""Traces are kept within limits, whatever comes."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.traces.ring import Limits, Traces
from tests.traces.telling import NOW, TRACE, made

SMALL = Limits(bytes=30_000, traces=4, spans_of_one=5, bytes_of_one=12_000)


def test_what_is_told_twice_is_once_there() -> None:
    traces = Traces()
    going = made(1, end=None)
    assert traces.add([going]) == []
    traces.add([made(1)])
    traces.add([going])
    found = traces.get(TRACE)
    assert found is not None
    assert [span.end for span in found.spans] == [NOW + 1]
    assert traces.summaries()[0].in_progress is False


def test_a_trace_without_room_says_so() -> None:
    traces = Traces(SMALL)
    without = traces.add([made(number) for number in range(1, 9)])
    assert len(without) == 3
    found = traces.get(TRACE)
    assert found is not None
    assert (len(found.spans), found.refused) == (5, 3)
    assert traces.summaries()[0].refused == 3


def test_the_quiet_ones_go_first() -> None:
    traces = Traces(SMALL)
    ids = [f"{number:032x}" for number in range(1, 6)]
    for one in ids[:4]:
        traces.add([made(1, trace=one)])
    traces.add([made(2, trace=ids[0])])
    traces.add([made(1, trace=ids[4])])
    assert [trace.id for trace in traces.every()] == [ids[2], ids[3], ids[0], ids[4]]
    assert traces.beginning("0000") == [ids[2], ids[3], ids[0], ids[4]]
    assert traces.get(ids[1]) is None


@given(
    st.lists(
        st.tuples(st.integers(1, 8), st.integers(1, 9), st.integers(0, 9000), st.booleans()),
        max_size=60,
    )
)
def test_no_limit_is_exceeded(told: list[tuple[int, int, int, bool]]) -> None:
    traces = Traces(SMALL)
    for trace, number, size, going in told:
        span = made(number, trace=f"{trace:032x}", document="x" * size)
        traces.add([replace(span, end=None) if going else span])
        every = traces.every()
        weights = [sum(span.weight for span in one.spans) for one in every]
        assert sum(weights) == traces.weight <= SMALL.bytes
        assert len(every) == len(traces) <= SMALL.traces
        assert all(len(one.spans) <= SMALL.spans_of_one for one in every)
        assert all(weight <= SMALL.bytes_of_one for weight in weights)
        assert all(one.spans for one in every)
