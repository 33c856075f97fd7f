"""What each step of a deployment found, and how it went on after it, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tealmesh.model.rollout import Deployment, State, StepEvidence, Verdict
from tealmesh.model.rollout.explanation import StepTold
from tealmesh.model.spans import span
from tealmesh.rollout.explaining.situation import step_name
from tealmesh.rollout.gates.assess import counted, percent
from tealmesh.rollout.machine.transitions import BACKWARD, FINAL


def steps_told(d: Deployment) -> tuple[StepTold, ...]:
    """Every step that was measured, in order of time. One that was begun anew is there twice."""
    entries = d.evidence
    return tuple(
        StepTold(
            title=step_name(d, entry.step),
            measured=_measured(d, entry),
            findings=entry.verdicts,
            outcome=_outcome(d, entry, entries[index + 1 :]),
            began=entry.started_at,
            ended=entry.finished_at,
        )
        for index, entry in enumerate(entries)
    )


def _measured(d: Deployment, entry: StepEvidence) -> str:
    took = ""
    if entry.finished_at is not None:
        took = f" in {span(max(0.0, entry.finished_at - entry.started_at))}"
    if not entry.total_requests:
        return f"no request was seen{took}"
    share = "" if entry.share is None else f", {percent(entry.share)}"
    old_requests = entry.total_requests - entry.requests
    old_failures = entry.total_failures - entry.failures
    return (
        f"{counted(entry.requests, 'request')} to {d.new_side}{share} where "
        f"{percent(entry.expected_share)} was set, {_failed(entry.failures)}; "
        f"{old_requests} to {d.old_side}, {_failed(old_failures)}{took}"
    )


def _failed(count: int) -> str:
    return f"{count} failed" if count else "none failed"


def _outcome(d: Deployment, entry: StepEvidence, later: Sequence[StepEvidence]) -> str:
    if later:
        following = later[0]
        if following.step > entry.step:
            return f"went on to {step_name(d, following.step)}: {_passed(d, entry)}"
        return f"was begun anew as {step_name(d, following.step)}"
    match d.state:
        case State.MEASURING | State.BAKING:
            return f"goes on: {d.waiting_for or 'it is measured'}"
        case State.AWAITING_APPROVAL if entry.finished_at is None:
            return f"goes on, waiting for {d.waiting_for}"
        case State.SUCCEEDED | State.CLEANING_UP:
            return f"went on to stop {d.old_side}: {_passed(d, entry)}"
        case State.HELD:
            return f"is held: {d.note}"
        case State.SHIFTING | State.CONVERGING:
            return f"went on to {step_name(d, d.step)}: {_passed(d, entry)}"
    if d.state in BACKWARD | FINAL:
        ended = "ended" if d.state is State.STOPPED else "went back"
        failed = [gate.gate for gate in entry.verdicts if d.reason.startswith(f"{gate.gate}: ")]
        return f"{ended}, as {failed[0]} failed" if failed else f"{ended}: {d.reason}"
    return "was begun anew from what is live"


def _passed(d: Deployment, entry: StepEvidence) -> str:
    """What a step that was left forward had to say for that."""
    without = [gate.gate for gate in entry.verdicts if gate.verdict is not Verdict.PASS]
    if not without or not d.promoted_by:
        return "every gate passed"
    return f"{d.promoted_by} promoted it without the verdict of {', '.join(without)}"
