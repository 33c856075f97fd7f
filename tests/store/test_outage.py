"""A database that answers and refuses writes: one state, though some succeed between."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given, settings

from tealmesh.store.database.outage import QUIET_SECONDS, Refusing
from tests.support.drills import examples

STEPS = st.lists(st.tuples(st.floats(0, 2 * QUIET_SECONDS), st.booleans()), max_size=40)


@settings(max_examples=examples(200))
@given(STEPS)
def test_it_refuses_until_one_was_taken_and_none_refused_for_a_while(
    steps: list[tuple[float, bool]],
) -> None:
    now = 0.0
    refusing = Refusing(lambda: now)
    last: float | None = None
    taken_since, told = False, False
    for seconds, taken in steps:
        now += seconds
        if taken:
            taken_since = True
            told = told and not refusing.succeeded()
        else:
            last, taken_since = now, False
            assert refusing.failed("no space") is not told, "told once"
            told = True
        refuses = last is not None and not (taken_since and now - last >= QUIET_SECONDS)
        assert bool(refusing.reason) == refuses
