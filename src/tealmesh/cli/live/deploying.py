"""The rows of a deployment: where it is, its steps, its gates, what it waits for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from tealmesh.cli.screens import render, standing

if TYPE_CHECKING:
    from tealmesh.cli.live.rows import Marks, Tree
    from tealmesh.model import wire

_STEPS = ("row of steps", "rows of steps")
_MARKED = 4
"""A mark with a blank, and two before what a gate says."""
_WAITING = ("line on what is waited for", "lines on what is waited for")


def position(deployment: wire.Deployment) -> str:
    """``waits`` for a person, ``runs`` or ``ended``."""
    if "IN_PROGRESS" not in deployment["status"]:
        return "ended"
    waits = deployment.get("state") in ("HELD", "AWAITING_APPROVAL") or "pausedBy" in deployment
    return "waits" if waits else "runs"


def deployment_rows(
    tree: Tree, depth: int, deployment: wire.Deployment, width: int, now: float, marks: Marks
) -> None:
    """Add what there is to say of a deployment that runs, and a line on one that has ended."""
    if position(deployment) == "ended":
        _ended(tree, depth, deployment, marks)
        return
    where = Text().append(standing.where(deployment), style="bold")
    where.append(f"  {deployment.get('strategy', '')}", style="dim")
    where.append(f"  {deployment['deploymentId'][:8]}", style="dim")
    tree.add(depth, where, 2, ("line on where it is", "lines on where they are"))
    # What waits for a person says how to go on, and that is never cut off.
    held = position(deployment) == "waits"
    if "note" in deployment and not (
        held and deployment["note"] in deployment.get("waitingFor", "")
    ):
        tree.add(depth, Text(deployment["note"], style="yellow"), 2, _WAITING, lines=3)
    if deployment.get("reason"):
        tree.add(depth, Text(deployment["reason"], style="red"), 2, _WAITING, lines=3)
    if deployment.get("steps"):
        tree.add(depth, _track(deployment, marks), 2, _STEPS)
    gates = _gates(deployment)
    size = max((cell_len(gate["gate"]) for gate in gates), default=0)
    for gate in gates:
        passed = gate["verdict"] == "PASS"
        kind = ("gate that passes", "gates that pass") if passed else ("gate", "gates")
        line = Text().append(
            f"{_mark(gate['verdict'], marks)} ", render.VERDICT_STYLES.get(gate["verdict"], "")
        )
        blanks = " " * (size - cell_len(gate["gate"]) + 2)
        line.append(gate["gate"] + blanks, style="" if passed else "bold")
        line.append(gate["detail"], style="dim" if passed else "")
        tree.add(
            depth, line, 6 if passed else 3, kind, lines=1 if passed else 3, hang=size + _MARKED
        )
    for words in standing.waiting(deployment, now, with_gates=not gates):
        tree.add(depth, Text(words), 2 if held else 3, _WAITING, lines=6 if held else 2)


def _ended(tree: Tree, depth: int, deployment: wire.Deployment, marks: Marks) -> None:
    status = standing.outcome(deployment)
    good = status == "SUCCESSFUL"
    line = Text().append(
        f"{marks.passed if good else marks.failed} ", render.STATUS_STYLES.get(status, "")
    )
    at = render.moment(deployment.get("finishedAt", deployment["createdAt"]))
    line.append(f"deployed {deployment.get('newImage', '?')}: {status} {at}", style="dim")
    tree.add(depth, line, 8 if good else 5, ("deployment that has ended", "deployments that have"))
    if deployment.get("reason"):
        tree.add(depth + 1, Text(deployment["reason"], style="red"), 5, _WAITING, lines=4)
    if words := standing.afterwards(deployment):
        tree.add(depth + 1, Text(words), 5, _WAITING, lines=3)


def _track(deployment: wire.Deployment, marks: Marks) -> Text:
    """``10 % ✔ ─ 50 % ● ─ 100 %``: the steps, and where it stands."""
    line = Text()
    back = deployment["status"].startswith("ROLLBACK")
    begun = deployment.get("state") not in standing.BEFORE_STEPS
    # What goes back before it had any weight has not come to a step.
    begun = begun and not (back and not deployment.get("evidence"))
    steps, at = deployment.get("steps") or [], deployment.get("step", 0)
    last = deployment.get("state") not in (*standing.STEP_STATES, "AWAITING_APPROVAL", "HELD")
    for index, percentage in enumerate(steps):
        if index:
            line.append(f" {marks.between} ", style="dim")
        past = begun and (index < at or (index == at and last and not back))
        if past:
            mark, style = marks.passed, "green"
        elif index == at and (begun or deployment.get("state") == "AWAITING_APPROVAL"):
            waits = position(deployment) == "waits"
            mark = marks.failed if back else marks.paused if waits else marks.running
            style = "yellow" if back or waits else "bold cyan"
        else:
            mark, style = marks.waiting, "dim"
        line.append(f"{percentage} % {mark}", style=style)
    return line


def _gates(deployment: wire.Deployment) -> list[wire.GateVerdict]:
    """The gates of the present step."""
    evidence = deployment.get("evidence", [])
    if not evidence or evidence[-1].get("finishedAt"):
        return []
    return evidence[-1].get("verdicts", [])


def _mark(verdict: str, marks: Marks) -> str:
    return {"PASS": marks.passed, "FAIL": marks.failed}.get(verdict, marks.waiting)
