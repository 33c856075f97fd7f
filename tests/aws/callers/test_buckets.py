"""How often one principal may call."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.aws.callers.buckets import BURST, RATE, Buckets


@given(st.lists(st.floats(0, 3), max_size=300))
def test_never_more_than_a_burst_and_the_rate(pauses: list[float]) -> None:
    buckets, now, taken = Buckets(), 0.0, 0
    for _ in range(int(BURST) - 100):
        taken += buckets.take("ci", now)
    for pause in pauses:
        now += pause / RATE
        taken += buckets.take("ci", now)
    assert taken <= BURST + now * RATE + 1e-6


def test_one_who_calls_too_often_waits_and_holds_up_nobody_else() -> None:
    buckets = Buckets()
    assert all(buckets.take("ci", 0.0) for _ in range(int(BURST)))
    assert not buckets.take("ci", 0.0)
    assert buckets.take("other", 0.0)
    assert buckets.take("ci", 1 / RATE + 1e-9)


def test_many_names_are_forgotten() -> None:
    buckets = Buckets()
    for number in range(5000):
        assert buckets.take(f"task-{number}", 0.0)
    assert len(buckets._buckets) <= 1000
