"""A service with steady traffic on a clock that is driven: what the controller would see of it, in
which every deployment goes through the machine itself.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tealmesh.model.rollout import Deployment, JournalEntry, SideTasks, State, Traffic
from tealmesh.model.traffic.parts import PartTraffic
from tealmesh.model.traffic.windows import REPORT_SECONDS, Counts, SideWindow, Window
from tealmesh.rollout import journal, machine
from tealmesh.rollout.effects import (
    AwaitConverged,
    ConvergenceSeen,
    Effect,
    EnsureSide,
    Event,
    LiveRoute,
    Looked,
    Observe,
    Observed,
    Seen,
    SetWeights,
    SideEnsured,
    SideStopped,
    StopSide,
    WeightsSet,
)

POLL = 0.25
"""As the controller looks when it hears of reports."""
MOST_SECONDS = 40_000.0


@dataclass(frozen=True)
class Given:
    """The service. Times are in seconds."""

    rate: float
    """Requests a second."""
    base: float = 0.0
    """The share of them that fail, on both sides."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """The share of each part that is watched."""
    start: float = 3.0
    converge: float = 0.4
    drain: float = 2.0


@dataclass
class Steady:
    """The service, and what has happened to it."""

    given: Given
    now: float = 1000.0
    weights: dict[str, int] = field(default_factory=lambda: {"blue": 100})
    sent: list[tuple[float, float, float]] = field(default_factory=list)
    """At a time, so many requests have been sent to either side."""
    since: float = 0.0
    """When the present effect was ordered."""
    entries: list[JournalEntry] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)

    def pass_time(self, seconds: float) -> None:
        """Let requests come for a while."""
        if not self.sent:
            self.sent.append((self.now, 0.0, 0.0))
        last = self.sent[-1]
        green = machine.shares(self.weights).get("green", 0.0)
        more = self.given.rate * seconds
        self.now += seconds
        self.sent.append((self.now, last[1] + more * (1 - green), last[2] + more * green))

    def run(self, d: Deployment) -> Deployment:
        """The deployment at its end."""
        self.pass_time(30.0)
        d = replace(d, created_at=self.now, phase_at=self.now, entered_at=self.now)
        self._note(d)
        began = self.now
        while not d.finished and self.now < began + MOST_SECONDS:
            before = d
            d = self._turn(d)
            if d.comparison.windows != before.comparison.windows and d.comparison.last:
                self.windows.append(d.comparison.last)
            if d.sequence == before.sequence:
                self.pass_time(POLL)
                continue
            self.since = self.now
            self._note(d)
            if d.finished or d.state is State.HELD:
                break
        return d

    def _note(self, d: Deployment) -> None:
        entry = journal.entry(replace(d, updated_at=self.now), d.state.value)
        self.entries.append(entry)

    def _turn(self, d: Deployment) -> Deployment:
        seen = Seen(LiveRoute(self.weights, 1), self._tasks(d, "blue"), self._tasks(d, "green"))
        looked = machine.step(d, Looked(seen), self.now)
        effect = machine.next_effect(looked)
        if looked.sequence != d.sequence or effect is None:
            return looked
        return machine.step(looked, self._perform(looked, effect, seen), self.now)

    def _tasks(self, d: Deployment, side: str) -> SideTasks:
        count = d.desired_count
        up = side == "blue" or (d.scaled and self.now >= self.since + self.given.start)
        up = up or d.state not in (State.CREATED, State.SCALING_UP)
        return SideTasks(count, count if up else 0, count if up else 0)

    def _perform(self, d: Deployment, effect: Effect, seen: Seen) -> Event:
        gone = self.now - self.since
        match effect:
            case EnsureSide():
                return SideEnsured()
            case SetWeights(weights=weights):
                self.weights = dict(weights)
                return WeightsSet(1, self.now)
            case AwaitConverged():
                return ConvergenceSeen(gone >= self.given.converge, self.now, ("task/1",))
            case StopSide():
                return SideStopped(gone >= self.given.drain)
        assert isinstance(effect, Observe)
        after = effect.after or self.now - 60
        return Observed(
            seen.old,
            seen.new,
            self.traffic(1, effect.since, seen.new.healthy),
            self.traffic(2, effect.since, seen.new.healthy),
            "",
            self.now,
            self._window(1, after),
            self._window(2, after),
        )

    def traffic(self, side: int, since: float, members: int = 0) -> Traffic:
        """As callers have reported it."""
        until = self._reported(self.now)
        whole = self._between(side, self._reported(since), until)
        return Traffic(
            requests=whole.requests,
            failures=whole.failures,
            started=whole.requests,
            reporters=1,
            members=members,
            members_healthy=members,
            seen_until=until,
            seconds=max(0.0, until - since),
            parts={
                name: PartTraffic(counts.requests, counts.failures)
                for name in self.given.parts
                if (counts := self._between(side, self._reported(since), until, name)).requests
            },
        )

    def _window(self, side: int, after: float) -> SideWindow:
        start, end = self._reported(after), self._reported(self.now)
        cuts = [start + n for n in range(math.ceil(end - start))]
        seconds = [(at, min(end, at + 1)) for at in cuts]
        each = tuple(self._between(side, *second) for second in seconds)
        whole = sum(each, Counts())
        return SideWindow(
            requests=whole.requests,
            failures=whole.failures,
            started=whole.requests,
            by_second=each,
            by_part={
                name: tuple(self._between(side, *second, name) for second in seconds)
                for name in self.given.parts
            },
        )

    def _reported(self, at: float) -> float:
        """When Envoys reported last."""
        return math.floor(at / REPORT_SECONDS) * REPORT_SECONDS

    def _between(self, side: int, start: float, end: float, part: str = "") -> Counts:
        share, start = self.given.parts[part] if part else 1.0, min(start, end)
        first, last = self._sent(side, start) * share, self._sent(side, end) * share
        requests = math.floor(last) - math.floor(first)
        return Counts(requests, self._failed(last) - self._failed(first))

    def _failed(self, requests: float) -> int:
        """Evenly, so that none is a burst."""
        return math.floor(math.floor(requests) * self.given.base)

    def _sent(self, side: int, at: float) -> float:
        """The requests to a side until then."""
        index = bisect_right(self.sent, at, key=lambda one: one[0])
        if index == 0:
            return 0.0
        before = self.sent[index - 1]
        if index == len(self.sent) or before[0] == at:
            return before[side]
        after = self.sent[index]
        part = (at - before[0]) / (after[0] - before[0])
        return before[side] + part * (after[side] - before[side])
