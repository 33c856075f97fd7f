"""The simulation of the comparing gate judges as the gate does, and a short form of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bench.gates import streams
from bench.gates.rows import Row, rows
from bench.gates.streams import FIXED, RISING, Scenario
from bench.gates.twin import Seen, Strand

from tealmesh.rollout.gates.comparing import (
    Arm,
    Observation,
    Pair,
    Settings,
    State,
    add,
    judge,
    start,
)

RELEASES = 6

STREAMS = {
    "rising": Scenario(600, RISING, base=0.02, ratio=3, history=2),
    "bursts": Scenario(1200, RISING, base=0.02, phi=8, history=2),
    "long bursts": Scenario(1200, FIXED, base=0.02, phi=8, lasting=20, history=2),
    "little traffic": Scenario(30, RISING, base=0.1, ratio=5),
    "trouble": Scenario(600, RISING, outages=3, old_faults=3, hiccups=2, ramp=10),
}


@pytest.mark.parametrize("margin", [0.0, 0.1])
@pytest.mark.parametrize("name", STREAMS)
def test_the_copy_judges_as_the_gate_does(name: str, margin: float) -> None:
    settings = Settings(allowed=0.01, margin=margin)
    random = np.random.default_rng(7)
    copy = Strand(RELEASES, settings, passes=True)
    states = [start() for _ in range(RELEASES)]
    for step, seen in streams.windows(STREAMS[name], RELEASES, random):
        copy.add(seen, step)
        states = [
            add(state, settings, _observation(seen, index), step=step)
            for index, state in enumerate(states)
        ]
        _compare(copy, states, settings)


def _observation(seen: Seen, release: int) -> Observation:
    bad_old, bad_new = seen.bad_old[release], seen.bad_new[release]
    seconds = tuple(
        Pair(Arm(int(old), int(old)), Arm(int(new), int(new)))
        for old, new in zip(bad_old, bad_new, strict=True)
    )
    old = Arm(int(seen.old[release]), int(bad_old.sum()))
    return Observation(old, Arm(int(seen.new[release]), int(bad_new.sum())), seconds)


def _compare(copy: Strand, states: list[State], settings: Settings) -> None:
    judged = [judge(state, settings) for state in states]
    assert copy.log_e_worse() == pytest.approx([j.log_e_worse for j in judged], abs=1e-9)
    assert copy.log_e_alike() == pytest.approx([j.log_e_alike for j in judged], abs=1e-9)
    assert copy.log_e_below() == pytest.approx([j.log_e_below for j in judged], abs=1e-9)


def row(section: str, what: str, steps: str = "10, 25, 50 %") -> Row:
    return next(r for r in rows() if (r.section, r.what, r.steps) == (section, what, steps))


@pytest.mark.parametrize(
    ("section", "what"),
    [
        ("identical", "identical, 600/min"),
        ("trouble", "bursts, phi 10, 600/min"),
        ("worse", "10x, 600/min"),
        ("worse", "3x, 600/min"),
    ],
)
def test_promises_are_kept(section: str, what: str) -> None:
    promised = row(section, what)
    assert promised.broken(promised.run(300, seed=1)) == ""


def test_a_gate_that_counts_every_request_of_a_burst_breaks_the_promise() -> None:
    promised = row("trouble", "bursts, phi 10, 600/min")
    outcome = promised.run(300, seed=1)
    assert outcome.rivals is not None
    singly = replace(outcome, failed=round(300 * outcome.rivals["each"]))
    assert "promised at most 1%" in promised.broken(singly)


def test_a_gate_that_sees_too_little_breaks_the_promise() -> None:
    promised = row("worse", "3x, 600/min")
    outcome = promised.run(300, seed=1)
    assert "promised at least 80%" in promised.broken(replace(outcome, failed=200))
    assert "promised at most 15" in promised.broken(replace(outcome, minutes=15.5))
    passes = row("pass", "2x, 600/min")
    assert "passed by objective" in passes.broken(replace(outcome, below=40))
