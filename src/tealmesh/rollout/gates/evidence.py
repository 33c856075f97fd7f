"""The evidence that a deployment collects, step by step. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tealmesh.model.rollout import Deployment, GateResult, Traffic


def measured(
    d: Deployment, old: Traffic, new: Traffic, gates: tuple[GateResult, ...]
) -> Deployment:
    """The deployment with new measurements and verdicts of the current step."""
    total = old.requests + new.requests
    latest = replace(
        d.evidence[-1],
        requests=new.requests,
        failures=new.failures,
        total_requests=total,
        total_failures=old.failures + new.failures,
        kinds=new.kinds,
        share=new.requests / total if total else None,
        p50=new.p50,
        p99=new.p99,
    )
    return judged(replace(d, evidence=(*d.evidence[:-1], latest)), gates)


def judged(d: Deployment, gates: tuple[GateResult, ...]) -> Deployment:
    """The deployment with the newest verdict of each gate at the current step."""
    verdicts: Mapping[str, GateResult] = {
        gate.gate: gate for gate in (*d.evidence[-1].verdicts, *gates)
    }
    last = replace(d.evidence[-1], verdicts=tuple(verdicts.values()))
    return replace(d, evidence=(*d.evidence[:-1], last))


def closed(d: Deployment, now: float) -> Deployment:
    """The deployment with the current step's evidence finished, if it was still open."""
    if not d.evidence or d.evidence[-1].finished_at is not None:
        return d
    return replace(d, evidence=(*d.evidence[:-1], replace(d.evidence[-1], finished_at=now)))
