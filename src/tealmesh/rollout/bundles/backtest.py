"""What other gates would have said of a past deployment, by its recorded windows. Pure.

The windows are what callers saw while the deployment ran as it did. Gates that would have rolled it
back sooner are told from when on; what would have come after a step that was never taken, nobody
can know.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import Deployment, GateResult, State, Traffic, Verdict
from tealmesh.model.rollout.comparison import Comparison
from tealmesh.model.traffic.parts import PartTraffic
from tealmesh.model.traffic.windows import Counts, SideWindow, Window
from tealmesh.rollout.gates import assess, comparison, objectives, parts, sentences
from tealmesh.rollout.metrics.listeners import window_together

_REPLAYED = ("success-rate", "errors", "client-errors", "latency", "breaker")
"""The beginnings of the names of gates that windows can answer."""

Outcome = str
"""``rolled back``, ``passed`` or ``no verdict``."""


@dataclass(frozen=True)
class Replayed:
    """What became of a deployment, and what other gates would have said."""

    deployment: Deployment
    outcome: Outcome
    """By the other gates."""
    because: str
    """The gate that decides, with its numbers."""
    seconds: float
    """How long after the first window that would have been known."""
    windows: int
    """How many windows there are; nothing can be said without any."""

    @property
    def was(self) -> Outcome:
        """What became of it by measurement."""
        if self.deployment.state is State.SUCCEEDED:
            return "passed"
        return "rolled back" if self.deployment.state is State.ROLLED_BACK else "no verdict"


@dataclass(frozen=True)
class _Step:
    """What was seen at a step so far, as far as it is judged."""

    old: SideWindow = field(default_factory=SideWindow)
    new: SideWindow = field(default_factory=SideWindow)

    def with_window(self, window: Window) -> _Step:
        return _Step(
            window_together([self.old, window.old]), window_together([self.new, window.new])
        )


def replay(
    d: Deployment, windows: Sequence[Window], gates: Gates, changed: Collection[str] = ()
) -> Replayed:
    """Judge the windows of a deployment by other gates. ``changed``: the settings among them that
    count for steps with settings of their own, too.
    """
    began = d.comparison
    compared = Comparison(
        bounds=began.bounds, evidence=began.prior, before=began.before, cold_until=began.cold_until
    )
    passed = not gates.compare or gates.min_requests == 0
    steps: dict[int, _Step] = {}
    parts_seen: dict[int, tuple[dict[str, Counts], dict[str, Counts]]] = {}
    because, enough = "", True
    gates, unknown = _known(gates, windows)
    for window in windows:
        warm = window.started_at < began.warm_until and d.strategy.warm_up > 0
        verdicts: list[GateResult] = []
        own = _of_step(d, window.step, gates, changed)
        if not warm:
            steps[window.step] = steps.get(window.step, _Step()).with_window(window)
            seen = parts_seen.setdefault(window.step, ({}, {}))
            _add_parts(seen, window)
            verdicts += _fixed(steps[window.step], seen, own)
            enough = all(v.verdict is Verdict.PASS for v in verdicts)
        verdicts += _broken(steps.get(window.step), window, None if warm else began.before, gates)
        both = all(window.weights.get(side) for side in (d.old_side, d.new_side))
        if gates.compare and both and not warm:
            compared = comparison.compared(compared, gates, window)
            found = sentences.verdicts(compared, gates, _sides(d, window))
            verdicts += found
            passed = passed or all(v.verdict is Verdict.PASS for v in found)
        compared = replace(compared, last=window)
        failed = next((v for v in verdicts if v.verdict is Verdict.FAIL), None)
        if failed is not None:
            until = window.started_at + window.seconds - windows[0].started_at
            words = f"{failed.gate}: {failed.detail}"
            return Replayed(d, "rolled back", words, until, len(windows))
        because = "; ".join(
            f"{v.gate}: {v.detail}" for v in (*unknown, *verdicts) if v.verdict is not Verdict.PASS
        )
    until = windows[-1].started_at + windows[-1].seconds - windows[0].started_at if windows else 0.0
    if d.state is State.ROLLED_BACK and not _by_windows(d.reason):
        # By what no window shows: its tasks, a hook, or somebody.
        return Replayed(d, "rolled back", d.reason, until, len(windows))
    # Windows begin a little later than what a step counts, so a deployment that had just enough to
    # go on may have too few in them.
    enough |= d.state is State.SUCCEEDED and gates.min_requests <= d.gates.min_requests
    outcome = "passed" if windows and passed and enough and not unknown else "no verdict"
    return Replayed(d, outcome, because or "every gate passes", until, len(windows))


def _known(gates: Gates, windows: Sequence[Window]) -> tuple[Gates, list[GateResult]]:
    """The gates without the parts that nobody counted then, which nothing can be said of."""
    counted = {part for w in windows for side in (w.old, w.new) for part in side.by_part}
    known = tuple(part for part in gates.watch if part.name in counted)
    unknown = [
        GateResult(f"{parts.GATE} {part.name}", Verdict.UNKNOWN, "it was not counted then")
        for part in gates.watch
        if part not in known
    ]
    return replace(gates, watch=known), unknown


def _by_windows(reason: str) -> bool:
    """Whether a deployment went back by what its windows show, or for want of it."""
    gate = reason.partition(":")[0]
    return gate.startswith(_REPLAYED) or " exceeded while measuring the step" in reason


def _of_step(d: Deployment, step: int, gates: Gates, changed: Collection[str]) -> Gates:
    """The gates of a step: its own settings hold unless they are among those that were changed."""
    own = d.strategy.own(step)
    if "success_rate" in changed:
        own = replace(own, success_rate=None)
    if "min_requests" in changed:
        own = replace(own, min_requests=None)
    return gates.of_step(own)


def _fixed(
    step: _Step, seen: tuple[dict[str, Counts], dict[str, Counts]], gates: Gates
) -> list[GateResult]:
    """The fixed objectives of a step."""
    old, new = _traffic(step.old, seen[0]), _traffic(step.new, seen[1])
    return [
        assess.success_rate(new, gates.success_rate, gates.min_requests),
        *parts.assess(old, new, gates),
        *objectives.latency(new, gates.latency, gates.min_requests),
    ]


def _broken(
    step: _Step | None, window: Window, before: Counts | None, gates: Gates
) -> list[GateResult]:
    """The breaker, if it has tripped."""
    since = Traffic()
    if step is not None:
        since = Traffic(requests=step.new.requests, failures=step.new.failures)
    broken = objectives.breaker(since, window.new, before, gates.breaker)
    return [broken] if broken else []


def _add_parts(seen: tuple[dict[str, Counts], dict[str, Counts]], window: Window) -> None:
    for sums, side in zip(seen, (window.old, window.new), strict=True):
        for name, seconds in side.by_part.items():
            sums[name] = sum(seconds, sums.get(name, Counts()))


def _traffic(side: SideWindow, seen: Mapping[str, Counts]) -> Traffic:
    return Traffic(
        requests=side.requests,
        failures=side.failures,
        kinds=side.kinds,
        timed=side.timed,
        bounds=side.bounds,
        buckets=side.buckets,
        parts={
            name: PartTraffic(one.requests, one.failures, one.client_errors)
            for name, one in seen.items()
        },
    )


def _sides(d: Deployment, window: Window) -> sentences.Sides:
    total = sum(window.weights.values()) or 1
    share = window.weights.get(d.new_side, 0) / total
    rate = (window.old.requests + window.new.requests) / window.seconds
    return sentences.Sides(d.old_side, d.new_side, share, rate)
