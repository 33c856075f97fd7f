"""The bundle of one deployment, from what the store keeps of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field

from tealmesh.model.rollout import Deployment, JournalEntry, StepEvidence
from tealmesh.model.rollout.bundle import (
    FORMAT,
    Bundle,
    BundleCaller,
    BundleDefinition,
    BundleFailedTask,
    BundleSide,
    BundleStep,
    BundleTask,
    BundleWindow,
)
from tealmesh.model.rollout.failed import FailedTaskBody
from tealmesh.model.traffic.windows import Counts, SideWindow, TaskWindow, Window
from tealmesh.rollout.metrics.sums import quantile

_NO_DEFINITION: BundleDefinition = {"old": "", "new": "", "differences": []}


@dataclass(frozen=True)
class Sources:
    """What a bundle is made of."""

    deployment: Deployment
    journal: Sequence[JournalEntry]
    windows: Sequence[Window]
    failed: Sequence[FailedTaskBody] = ()
    definition: BundleDefinition = field(default_factory=lambda: _NO_DEFINITION)


def bundle(sources: Sources) -> Bundle:
    """All evidence of the deployment; of one that runs, so far."""
    d = sources.deployment
    return {
        "format": FORMAT,
        "deploymentId": d.id,
        "service": d.service,
        "mesh": d.mesh,
        "group": d.member.group if d.member else "",
        "kind": d.kind,
        "status": d.status.value,
        "state": d.state.value,
        "reason": d.reason,
        "serves": d.serves,
        "startedBy": d.actor,
        "startedAt": d.created_at,
        "finishedAt": d.finished_at,
        "old": {"side": d.old_side, "image": d.old_image},
        "new": {"side": d.new_side, "image": d.new_image},
        "desiredCount": d.desired_count,
        "strategy": json.loads(json.dumps(asdict(d.strategy))),
        "gates": json.loads(json.dumps(asdict(d.gates))),
        "definition": sources.definition,
        "steps": [_step(step) for step in d.evidence],
        "windows": [_window(window) for window in sources.windows],
        "callers": list(_callers(d, sources.windows)),
        "tasks": list(_tasks(d, sources.windows)),
        "failedTasks": [_failed(one) for one in sources.failed],
        "journal": [
            {
                "sequence": entry.sequence,
                "at": entry.at,
                "transition": entry.transition,
                "status": entry.status.value,
                "message": entry.message,
                "by": entry.by,
            }
            for entry in sources.journal
        ],
    }


def _step(step: StepEvidence) -> BundleStep:
    return {
        "step": step.step,
        "weights": dict(step.weights),
        "startedAt": step.started_at,
        "finishedAt": step.finished_at,
        "expectedShare": step.expected_share,
        "share": step.share,
        "requests": step.requests,
        "failures": step.failures,
        "kinds": dict(step.kinds),
        "p50": step.p50,
        "p99": step.p99,
        "gates": [verdict.to_wire() for verdict in step.verdicts],
    }


def _window(window: Window) -> BundleWindow:
    total = window.old.requests + window.new.requests
    return {
        "index": window.index,
        "step": window.step,
        "startedAt": window.started_at,
        "seconds": window.seconds,
        "weights": dict(window.weights),
        "share": window.new.requests / total if total else None,
        "old": _side(window.old),
        "new": _side(window.new),
        "compared": window.compared,
        "note": window.note,
        "evidence": {
            metric: {
                "verdict": one.verdict,
                "logEWorse": one.log_e_worse,
                "failAt": one.fail_at,
                "logEAlike": one.log_e_alike,
                "logEBelow": one.log_e_below,
                "passAt": one.pass_at,
                "phi": one.phi,
            }
            for metric, one in window.judged.items()
        },
    }


def _side(side: SideWindow) -> BundleSide:
    return {
        "requests": side.requests,
        "failures": side.failures,
        "clientErrors": side.client_errors,
        "open": side.open,
        "p50": quantile(side.buckets, side.bounds, side.timed, 0.5),
        "p99": quantile(side.buckets, side.bounds, side.timed, 0.99),
        "kinds": dict(side.kinds),
    }


def _failed(task: FailedTaskBody) -> BundleFailedTask:
    return {
        "task": task["task"],
        "side": task["side"],
        "at": task["at"],
        "code": task["code"],
        "reason": task["reason"],
    }


def _callers(d: Deployment, windows: Iterable[Window]) -> Iterator[BundleCaller]:
    """Each caller's view of both sides, the busiest caller first."""
    sums: dict[str, dict[str, Counts]] = {}
    for window in windows:
        for name, side in ((d.old_side, window.old), (d.new_side, window.new)):
            for caller, counts in side.by_caller.items():
                seen = sums.setdefault(caller, {})
                seen[name] = seen.get(name, Counts()) + counts
    for caller in sorted(sums, key=lambda one: -sum(c.requests for c in sums[one].values())):
        for name in (d.old_side, d.new_side):
            counts = sums[caller].get(name, Counts())
            yield {
                "caller": caller,
                "side": name,
                "requests": counts.requests,
                "failures": counts.failures,
                "clientErrors": counts.client_errors,
            }


def _tasks(d: Deployment, windows: Iterable[Window]) -> Iterator[BundleTask]:
    """What callers saw of each task: side by side, first those with the most failures."""
    sums: dict[tuple[str, str], TaskWindow] = {}
    bounds: tuple[float, ...] = ()
    for window in windows:
        for name, side in ((d.old_side, window.old), (d.new_side, window.new)):
            bounds = side.task_bounds or bounds
            for task, seen in side.by_task.items():
                sums[name, task] = sums.get((name, task), TaskWindow()) + seen
    sides = (d.old_side, d.new_side)
    for name, task in sorted(
        sums, key=lambda one: (sides.index(one[0]), -sums[one].failures, -sums[one].requests, one)
    ):
        seen = sums[name, task]
        known = bounds if len(bounds) == len(seen.buckets) else ()
        buckets = seen.buckets if known else ()
        yield {
            "task": task,
            "side": name,
            "requests": seen.requests,
            "failures": seen.failures,
            "clientErrors": seen.client_errors,
            "p50": quantile(buckets, known, seen.timed, 0.5),
            "p99": quantile(buckets, known, seen.timed, 0.99),
        }
