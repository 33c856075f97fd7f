"""Group deployments as they are shown in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tealmesh.cli.screens import planned, render, standing
from tealmesh.cli.screens.fit import short_image
from tealmesh.model.rollout.states import ABORTED

if TYPE_CHECKING:
    from tealmesh.model import wire

_STYLES = {
    "SUCCESSFUL": "green",
    "IN_PROGRESS": "cyan",
    "ROLLBACK_FAILED": "bold red",
    ABORTED: "",
}


def entry_line(service: str, at: float, transition: str, message: str) -> Text:
    """One transition: of a service, or with an empty ``service`` of the group."""
    line = Text(f"{render.clock(at)} ", style="dim")
    line.append(f"{service or 'group'} ", style="bold" if not service else "")
    line.append(f"{transition} ", style="bold cyan" if not service else "cyan")
    line.append(message)
    return line


def group_view(g: wire.GroupDeployment) -> RenderableType:
    """The whole of a group deployment: a sentence, and a line for each service."""
    head = Text(g["sentence"], style=_STYLES.get(standing.outcome(g), "yellow"))
    parts: list[RenderableType] = [head]
    if waiting := g.get("waitingFor"):
        parts.append(Text(f"waiting for {waiting}", style="yellow"))
    return Group(*parts, _members(g))


def explained_view(g: wire.GroupDeployment) -> RenderableType:
    """As `group_view`, with the group's journal."""
    lines = [entry_line("", e["at"], e["transition"], e["message"]) for e in g["journal"]]
    hints = Text(f"each with its numbers: `teal explain {g['members'][0]['service']}`", style="dim")
    return Group(group_view(g), Text(), *lines, hints)


def plan_view(plan: wire.PlanGroupOutput, width: int) -> RenderableType:
    """What would happen to all services, in the order in which they take weight."""
    order = " -> ".join(plan["order"])
    rules = (
        f"weight comes in the order {order}: none takes any before all are ready, and no old side "
        "is stopped before all have passed; if one fails, all go back"
    )
    parts: list[RenderableType] = [Text(f"group {plan['group']}", style="bold"), Text(rules)]
    for one in plan["plans"]:
        parts += [Text(), planned.plan_view(one, width)]
    return Group(*parts)


def history_table(deployments: Sequence[wire.GroupDeployment]) -> Table:
    """One line each."""
    table = render.table("#", "started", "took", "kind", "status", "services")
    for g in deployments:
        until = g.get("finishedAt")
        status = standing.outcome(g)
        took = render.duration(until - g["createdAt"]) if until else "runs"
        images = ", ".join(f"{m['service']}={short_image(m['image'], 1)}" for m in g["members"])
        table.add_row(
            str(g["number"]),
            render.moment(g["createdAt"]),
            took,
            g["kind"].lower(),
            Text(status, style=_STYLES.get(status, "yellow")),
            images,
        )
    return table


def _members(g: wire.GroupDeployment) -> Table:
    table = render.table("service", "image", "state", "weight", "waits for")
    for m in g["members"]:
        d = m.get("deployment")
        state = d.get("state", d["status"]) if d else ""
        waits = d.get("waitingFor", "") if d and "finishedAt" not in d else ""
        after = f"after {', '.join(m['after'])}" if m["after"] else ""
        table.add_row(
            m["service"],
            short_image(m["image"], 1),
            state,
            _weight(d),
            waits or (after if g["status"] == "IN_PROGRESS" else ""),
        )
    return table


def _weight(d: wire.Deployment | None) -> str:
    """The weight of the step that the new side is in or had."""
    if d is None or not d.get("evidence"):
        return ""
    last = d.get("evidence", [])[-1]["weights"]
    return f"{d.get('newSide', '')} {last.get(d.get('newSide', ''), 0)} %"
