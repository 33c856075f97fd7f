"""What other gates would have said of a past deployment, by its recorded windows. Pure.

The windows are what callers saw while the deployment ran as it did. Gates that would have rolled it
back sooner are told from when on; what would have come after a step that was never taken, nobody
can know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import Deployment, GateResult, State, Traffic, Verdict
from tealmesh.model.rollout.comparison import Comparison
from tealmesh.model.traffic.windows import Counts, Window
from tealmesh.rollout.gates import assess, comparison, sentences

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


def replay(d: Deployment, windows: Sequence[Window], gates: Gates) -> Replayed:
    """Judge the windows of a deployment by other gates."""
    past = d.comparison
    compared = Comparison(bounds=past.bounds, part_bounds=past.part_bounds, evidence=past.prior)
    passed = not gates.compare or gates.min_requests == 0
    steps: dict[int, Counts] = {}
    because = ""
    for window in windows:
        steps[window.step] = steps.get(window.step, Counts()) + window.new.counts
        verdicts = [_fixed(steps[window.step], gates)]
        if gates.compare and window.compared:
            compared = comparison.compared(compared, gates, window)
            verdicts += sentences.verdicts(compared, gates, _sides(d, window))
            passed = passed or all(v.verdict is Verdict.PASS for v in verdicts[1:])
        failed = next((v for v in verdicts if v.verdict is Verdict.FAIL), None)
        if failed is not None:
            until = window.started_at + window.seconds - windows[0].started_at
            words = f"{failed.gate}: {failed.detail}"
            return Replayed(d, "rolled back", words, until, len(windows))
        because = "; ".join(
            f"{v.gate}: {v.detail}" for v in verdicts if v.verdict is not Verdict.PASS
        )
    until = windows[-1].started_at + windows[-1].seconds - windows[0].started_at if windows else 0.0
    outcome = "passed" if windows and passed else "no verdict"
    return Replayed(d, outcome, because or "every gate passes", until, len(windows))


def _fixed(seen: Counts, gates: Gates) -> GateResult:
    """The fixed objective of a step."""
    traffic = Traffic(requests=seen.requests, failures=seen.failures)
    return assess.success_rate(traffic, gates.success_rate, gates.min_requests)


def _sides(d: Deployment, window: Window) -> sentences.Sides:
    total = sum(window.weights.values()) or 1
    share = window.weights.get(d.new_side, 0) / total
    rate = (window.old.requests + window.new.requests) / window.seconds
    return sentences.Sides(d.old_side, d.new_side, share, rate)
