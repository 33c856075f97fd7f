"""`teal deploy --plan`: what is known, then each stage, then how long and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from tealmesh.cli.options import print_json
from tealmesh.cli.screens.fit import folded, versions
from tealmesh.cli.screens.render import console
from tealmesh.model.errors import TealError
from tealmesh.model.spans import span

if TYPE_CHECKING:
    from tealmesh.model import wire

_STYLES = {"ok": "green", "note": "yellow", "refused": "red", "done": "cyan"}


def show_plan(plan: wire.PlanDeploymentOutput, as_json: bool) -> None:
    """Print a plan. Raises TealError if the deployment would be refused."""
    if as_json:
        print_json(plan)
    else:
        out = console()
        out.print(plan_view(plan, out.width))
    refused = [one["detail"] for one in plan["known"] if one["bearing"] == "refused"]
    if refused:
        raise TealError(f"{plan['service']}: it would be refused: {'; '.join(refused)}")


def plan_view(plan: wire.PlanDeploymentOutput, width: int) -> RenderableType:
    """``width``: in columns."""
    parts: list[RenderableType] = [*_head(plan, width), Text()]
    parts += folded(
        [
            [
                Text(one["bearing"], style=_STYLES.get(one["bearing"], "")),
                Text(one["about"]),
                Text(one["detail"]),
            ]
            for one in plan["known"]
        ],
        width,
    )
    parts.append(Text())
    if plan["starts"]:
        parts += _stages(plan, width)
        parts += _end(plan, width)
    parts.append(Text("nothing was changed", style="dim"))
    return Group(*parts)


def _head(plan: wire.PlanDeploymentOutput, width: int) -> Iterator[Text]:
    what = versions(plan.get("oldImage"), plan["image"])
    sides = f" from {plan['oldSide']} to {plan['newSide']}" if plan["stages"] else ""
    yield from folded([[Text(f"{plan['service']}: {what}{sides}", style="bold")]], width)


def _stages(plan: wire.PlanDeploymentOutput, width: int) -> Iterator[Text]:
    phase = ""
    for stage in plan["stages"]:
        if stage["phase"] != phase:
            phase = stage["phase"]
            yield Text(phase, style="cyan")
        yield from folded([[Text(stage["title"], style="bold")]], width, indent=2)
        yield from folded([[Text(_time(stage))]], width, indent=4)
        until = [[Text("·"), Text(one)] for one in stage["waitsFor"]]
        yield from folded(until, width, gap=1, indent=4)
    yield Text()


def _time(stage: wire.PlannedStage) -> str:
    by = f" ({stage['expectedBy']})" if stage.get("expectedBy") else ""
    expected = (
        f"about {span(stage['expectedSeconds'])}{by}"
        if "expectedSeconds" in stage
        else (f"nobody knows how long{by}")
    )
    if "longestSeconds" not in stage:
        return f"{expected}; without a time limit: {stage['otherwise']}"
    return f"{expected}; after {span(stage['longestSeconds'])} {stage['otherwise']}"


def _end(plan: wire.PlanDeploymentOutput, width: int) -> Iterator[Text]:
    unknown = f", and: {', '.join(plan['uncertain'])}" if plan["uncertain"] else ""
    expected = f"about {span(plan['expectedSeconds'])}{unknown}"
    latest = f"{span(plan['longestSeconds'])}, if every stage takes all its time"
    rows = [("expected", expected), ("latest", latest), ("way back", plan.get("wayBack", ""))]
    yield from folded([[Text(name), Text(text)] for name, text in rows], width)
