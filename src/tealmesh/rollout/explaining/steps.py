"""What each step of a deployment found, and how it went on after it, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tealmesh.model.rollout import Deployment, State, StepEvidence, Verdict
from tealmesh.model.rollout.explanation import StepTold
from tealmesh.model.said import counted, say
from tealmesh.model.spans import span
from tealmesh.rollout.explaining.words import step_name
from tealmesh.rollout.gates.assess import percent
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
        took = say(" in {time}", time=span(max(0.0, entry.finished_at - entry.started_at)))
    if not entry.total_requests:
        return say("no request was seen{took}", took=took)
    share = "" if entry.share is None else say(", {share}", share=percent(entry.share))
    old_requests = entry.total_requests - entry.requests
    old_failures = entry.total_failures - entry.failures
    return say(
        "{requests} to {new_side}{share} where {expected_share} was set, {failed}; "
        "{old_requests} to {old_side}, {failed2}{took}",
        requests=counted(entry.requests, "request"),
        new_side=d.new_side,
        share=share,
        expected_share=percent(entry.expected_share),
        failed=_failed(entry.failures),
        old_requests=old_requests,
        old_side=d.old_side,
        failed2=_failed(old_failures),
        took=took,
    )


def _failed(count: int) -> str:
    return say("{count} failed", count=count) if count else say("none failed")


def _outcome(d: Deployment, entry: StepEvidence, later: Sequence[StepEvidence]) -> str:
    if later:
        following = later[0]
        if following.step > entry.step:
            return say(
                "went on to {step}: {passed}",
                step=step_name(d, following.step),
                passed=_passed(d, entry),
            )
        return say("was begun anew as {step}", step=step_name(d, following.step))
    match d.state:
        case State.MEASURING | State.BAKING:
            return say("goes on: {why}", why=d.waiting_for or say("it is measured"))
        case State.AWAITING_APPROVAL if entry.finished_at is None:
            return say("goes on, waiting for {waiting_for}", waiting_for=d.waiting_for)
        case State.SUCCEEDED | State.CLEANING_UP:
            return say(
                "went on to stop {old_side}: {passed}",
                old_side=d.old_side,
                passed=_passed(d, entry),
            )
        case State.HELD:
            return say("is held: {note}", note=d.note)
        case State.SHIFTING | State.CONVERGING:
            return say(
                "went on to {step}: {passed}", step=step_name(d, d.step), passed=_passed(d, entry)
            )
    if d.state in BACKWARD | FINAL:
        ended = say("ended") if d.state is State.STOPPED else say("went back")
        failed = [gate.gate for gate in entry.verdicts if d.reason.startswith(f"{gate.gate}: ")]
        return (
            say("{ended}, as {failed} failed", ended=ended, failed=failed[0])
            if failed
            else say("{ended}: {reason}", ended=ended, reason=d.reason)
        )
    return say("was begun anew from what is live")


def _passed(d: Deployment, entry: StepEvidence) -> str:
    """What a step that was left forward had to say for that."""
    without = [gate.gate for gate in entry.verdicts if gate.verdict is not Verdict.PASS]
    if not without or not d.promoted_by:
        return say("every gate passed")
    return say(
        "{promoted_by} promoted it without the verdict of {without}",
        promoted_by=d.promoted_by,
        without=", ".join(without),
    )
