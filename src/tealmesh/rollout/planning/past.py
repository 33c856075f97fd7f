"""What earlier deployments of a service tell about the next one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import TypeVar

from tealmesh.model.rollout import JournalEntry, State
from tealmesh.model.traffic.windows import Counts, Window
from tealmesh.rollout.machine.transitions import BACKWARD, FINAL

MOST_DEPLOYMENTS = 5
"""So many of the latest deployments are looked at."""
MOST_WINDOWS = 60
"""So many of the latest windows of measurement of each."""

_CUT_SHORT = BACKWARD | {State.HELD, State.STOPPED, State.ROLLBACK_FAILED}
_ENDS = FINAL | {State.HELD, State.AWAITING_APPROVAL}
"""What a deployment waits for in these says nothing about the next one, or nothing is waited for.
"""
_Key = TypeVar("_Key")
_STATES = {state.value: state for state in State}


@dataclass(frozen=True)
class Portion:
    """A part of the requests to a service."""

    share: float = 1.0
    """Of all requests, 0 to 1."""
    base: float = 0.0
    """The share of its own requests that fail, 0 to 1."""


@dataclass(frozen=True)
class Past:
    """What is known from earlier deployments."""

    taken: Mapping[State, float] = field(default_factory=dict)
    """Seconds in each state, at the median. One that was cut short does not count."""
    portions: Mapping[str, Portion] = field(default_factory=dict)
    """By name, each part that was counted: it is counted in deployments only."""
    phi: Mapping[str, float] = field(default_factory=dict)
    """By metric of the comparison, how much bad requests came in bursts: 1 for one by one. At the
    median, as a bad version that a side had a moment before shows bursts once."""

    def together(self, *states: State) -> float | None:
        """Seconds in all of these states; None if one of them is not known."""
        if not all(state in self.taken for state in states):
            return None
        return sum(self.taken[state] for state in states)


def past(journals: Iterable[Sequence[JournalEntry]], windows: Iterable[Sequence[Window]]) -> Past:
    """What the journals, and the windows of measurement, of deployments tell, newest first."""
    found: dict[State, list[float]] = {}
    for journal in journals:
        for state, seconds in lengths(journal):
            found.setdefault(state, []).append(seconds)
    portions: dict[str, Portion] = {}
    phi: dict[str, list[float]] = {}
    for measured in windows:
        portions = {**_portions(measured), **portions}
        judged = next((window.judged for window in reversed(measured) if window.judged), {})
        for metric, one in judged.items():
            phi.setdefault(metric, []).append(one.phi)
    return Past(_medians(found), portions, _medians(phi))


def _medians(values: Mapping[_Key, Sequence[float]]) -> dict[_Key, float]:
    return {key: median(each) for key, each in values.items()}


def lengths(journal: Sequence[JournalEntry]) -> Iterable[tuple[State, float]]:
    """Each state that a deployment has gone through to its end, with the seconds that it took. Not
    those that failed, or in which the control plane was restarted or somebody paused it.
    """
    for entry, following in pairwise(journal):
        state, after = _STATES.get(entry.transition), _STATES.get(following.transition)
        if state is None or after is None or state in _ENDS:
            continue
        if after in _CUT_SHORT and state not in BACKWARD:
            continue
        yield state, max(0.0, following.at - entry.at)


def _portions(windows: Iterable[Window]) -> dict[str, Portion]:
    """Each part that was counted beside all requests, by its name."""
    total, old, both = 0, dict[str, Counts](), dict[str, int]()
    for window in windows:
        sides = (window.old, window.new)
        if not any(side.by_part for side in sides):
            continue
        total += sum(side.requests for side in sides)
        for side in sides:
            for name, seconds in side.by_part.items():
                both[name] = both.get(name, 0) + sum(one.requests for one in seconds)
        for name, seconds in window.old.by_part.items():
            old[name] = old.get(name, Counts()) + sum(seconds, Counts())
    return {
        name: portion(Counts(requests), total, old.get(name, Counts()))
        for name, requests in both.items()
        if total
    }


def portion(counted: Counts, total: int, old: Counts) -> Portion:
    """``counted`` of ``total`` requests; ``old``: those of them to the present version."""
    base = old.failures / old.requests if old.requests else 0.0
    return Portion(min(1.0, counted.requests / total) if total else 0.0, base)
