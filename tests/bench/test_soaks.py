"""Short forms of the soaks, and how the verdict on memory is found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bench.soak import Goal, Seen, verdict
from bench.soak import soak as soak_replicas
from bench.soak_memory import ALLOWED_PERCENT, growth, soak
from bench.soak_short import soak as soak_deployments
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.cli.demo.load import NOT_SENT


@given(
    start=st.floats(50e6, 500e6),
    a_minute=st.floats(-0.01, 0.05),
    noise=st.lists(st.floats(-1e5, 1e5), min_size=60, max_size=360),
)
def test_what_grows_is_found_however_it_wavers(
    start: float, a_minute: float, noise: list[float]
) -> None:
    held = [(5.0 * n, start * (1 + a_minute * 5 * n / 60) + more) for n, more in enumerate(noise)]
    mean = start * (1 + a_minute * 5 * 0.75 * len(noise) / 60)
    # Noise of 0.1 MB on both ends of the second half is less than this, of 50 MB.
    uncertain = 100 * 6 * 1e5 / start * 1800 / (5 * len(noise) / 2)
    assert abs(growth(held) - 100 * a_minute * 30 * start / mean) <= uncertain + 1


def test_what_fills_up_first_and_stays_then_does_not_grow() -> None:
    held = [(5.0 * n, 100e6 + min(n, 90) * 1e6) for n in range(360)]
    assert growth(held) <= ALLOWED_PERCENT < growth(held[:150])
    assert growth([]) == growth([(0.0, 1.0)]) == 0.0


@pytest.mark.drill
def test_a_minute_of_deployments_at_full_load_loses_nothing() -> None:
    assert soak_deployments(30.0)


@pytest.mark.drill
@pytest.mark.timeout(300)
def test_the_soak_of_memory_runs_to_its_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    soak(20.0)
    assert "connects" in capsys.readouterr().out


SHORT = Goal(requests=4_000, cycles=2, seconds=400.0, rate=100.0, kill_every=8.0)


@pytest.mark.drill
@pytest.mark.timeout(600)
def test_two_cycles_while_replicas_are_killed_lose_nothing() -> None:
    assert soak_replicas(SHORT)


def test_whatever_was_lost_or_not_reached_speaks_against_a_soak() -> None:
    well = Seen(cycles=[10.0] * 100, writes=10, requests=3_000_000)
    assert not verdict(Goal(), well)
    for wrong in (
        {"lost": 1},
        {"missing": {"write-00001.soak"}},
        {"unanswered": 1},
        {"writes": 0},
        {"requests": 0},
        {"requests": 2_999_999},
        {"cycles": [10.0] * 99},
        {"failed": ["ROLLBACK_SUCCESSFUL"]},
    ):
        assert verdict(Goal(), replace(well, **wrong)), wrong
    slow = replace(well, lost=3, reasons={NOT_SENT: 3})
    assert "this machine was too slow" in verdict(Goal(), slow)[-1]
