"""A deployment that runs, as bars that fit the terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tealmesh.cli.screens.progress import bar, progress_lines
from tealmesh.cli.screens.render import deployment_line
from tests.cli.test_screens import RUNNING

GATES = [
    {"gate": "tasks", "verdict": "PASS", "detail": "2 of 2 tasks healthy",
     "have": 2.0, "need": 2.0},
    {"gate": "success-rate", "verdict": "NEED_DATA", "detail": "44 of 100 requests",
     "have": 44.0, "need": 100.0, "unit": "requests"},
    {"gate": "convergence", "verdict": "PASS", "detail": "every Envoy has acknowledged"},
]  # fmt: skip
SIDES: list[Any] = [
    {"side": "blue", "weight": 50, "share": 0.52, "running": 2, "desired": 2, "healthy": 2},
    {"side": "green", "weight": 50, "share": 0.48, "running": 2, "desired": 2, "healthy": 2},
]


def running(**members: object) -> Any:
    step = {"step": 1, "weights": {"blue": 50, "green": 50}, "requests": 44, "failures": 0,
            "startedAt": 1000.0, "verdicts": GATES}  # fmt: skip
    return {
        **RUNNING,
        "waitingFor": "success-rate: 44 of 100 requests",
        "evidence": [step],
        **members,
    }


@given(st.floats(0, 1), st.integers(2, 80))
def test_only_nothing_is_an_empty_bar_and_only_all_is_a_full_one(
    share: float, columns: int
) -> None:
    shown = bar(share, columns)
    assert len(shown) == columns
    assert (shown == "─" * columns) == (share == 0)
    assert (shown == "━" * columns) == (share == 1)


def test_weights_set_and_measured_and_how_much_each_gate_has() -> None:
    shown = [line.plain for line in progress_lines(running(), SIDES, 80)]
    assert shown == [
        f"green set       {'━' * 20}{'─' * 20}  50.0 %",
        f"green measured  {'━' * 19}{'─' * 21}  48.0 %",
        f"tasks        pass      {'━' * 12} 2 of 2 tasks healthy",
        f"success-rate need data {'━' * 5}{'─' * 7} 44 of 100 requests",
        "convergence  pass                   every Envoy has acknowledged",
    ]


def test_a_side_without_requests_is_said_to_have_none() -> None:
    sides = [{**side, "share": None} for side in SIDES]
    assert "green measured  no requests" in [
        line.plain for line in progress_lines(running(), sides, 80)
    ]


def test_a_deployment_that_has_finished_has_no_bars() -> None:
    assert progress_lines(running(status="SUCCESSFUL"), SIDES, 80) == []
    assert progress_lines(running(), [], 80)[0].plain.startswith("tasks")


@pytest.mark.parametrize("width", [60, 80, 140])
def test_what_gates_say_is_not_said_twice_and_all_fits(width: int) -> None:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    with console.capture() as capture:
        console.print(deployment_line(running(), progress_lines(running(), SIDES, width)))
    lines = [line.rstrip() for line in capture.get().splitlines()]
    assert all(len(line) <= width for line in lines)
    assert not any("waiting for" in line for line in lines)
    assert any(line.startswith("  rolls back in") for line in lines)
    with console.capture() as capture:
        other = running(waitingFor="another window of 5 s")
        console.print(deployment_line(other, progress_lines(other, SIDES, width)))
    assert "waiting for another window of 5 s" in capture.get()
