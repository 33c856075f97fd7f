"""`teal explain`: one sentence first, then what each step found, then the journal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.text import Text

from tealmesh.cli.names import ID_CHARACTERS
from tealmesh.cli.render import (
    NARROW_COLUMNS,
    STATUS_STYLES,
    VERDICT_STYLES,
    clock,
    duration,
    moment,
)
from tealmesh.cli.screens.fit import folded, versions
from tealmesh.model import wire


def explained_view(answer: wire.ExplainOutput, width: int, now: float) -> RenderableType:
    """``width``: in columns. ``now``: epoch seconds."""
    deployment = answer["deployment"]
    style = STATUS_STYLES.get(deployment["status"], "")
    parts: list[RenderableType] = [Text(answer["sentence"], style=f"bold {style}"), Text()]
    parts += [*_head(deployment, now), Text()]
    for step in answer["steps"]:
        parts += [*_step(step, width), Text()]
    if "hooks" in deployment:
        parts += [Text("hooks", style="bold"), *_hooks(deployment["hooks"], width), Text()]
    parts.append(Text("journal", style="bold"))
    parts += _journal(answer["journal"], width)
    return Group(*parts)


def _head(deployment: wire.Deployment, now: float) -> Iterable[Text]:
    steps = " → ".join(str(step) for step in deployment.get("steps", []))
    yield Text(
        f"{versions(deployment.get('oldImage'), deployment.get('newImage'))} on "
        f"{deployment.get('newSide', '?')}, {deployment.get('strategy', '?')} {steps} %"
    )
    ended = deployment.get("finishedAt")
    took = duration(max(0.0, (ended or now) - deployment["createdAt"]))
    line = f"deployment {deployment['deploymentId'][:ID_CHARACTERS]}"
    yield Text(
        f"{line} since {moment(deployment['createdAt'])}, "
        + (f"took {took}" if ended else f"{took} so far"),
        style="dim",
    )


def _step(step: wire.ExplainedStep, width: int) -> Iterable[RenderableType]:
    yield Text(step["title"], style="bold")
    yield from folded([[Text(step["measured"])]], width, indent=2)
    rows = [
        [
            Text(finding["verdict"], style=VERDICT_STYLES.get(finding["verdict"], "")),
            Text(finding["gate"]),
            Text(finding["detail"]),
        ]
        for finding in step["findings"]
    ]
    yield from folded(rows, width, gap=1 if width < NARROW_COLUMNS else 2, indent=2)
    yield from folded([[Text("→"), Text(step["outcome"])]], width, gap=1, indent=2)


def _hooks(hooks: Iterable[wire.HookAnswer], width: int) -> Iterable[Text]:
    """Which hooks were asked, and what they answered."""
    rows = []
    for hook in hooks:
        verdict = hook.get("verdict", "asked")
        at = " ".join([hook["when"], hook["stage"]] if "when" in hook else [hook["stage"]])
        if hook["stage"] == "PRODUCTION_TRAFFIC_SHIFT":
            at += f" of step {hook['step'] + 1}"
        times = f" (asked {hook['tries']} times)" if hook["tries"] > 1 else ""
        said = f"{at}: {hook.get('detail', 'no answer yet')}{times}"
        rows.append(
            [Text(verdict, VERDICT_STYLES.get(verdict, "")), Text(hook["name"]), Text(said)]
        )
    return folded(rows, width, gap=1 if width < NARROW_COLUMNS else 2, indent=2)


def _journal(entries: Iterable[wire.JournalEntry], width: int) -> Iterable[Text]:
    rows = [
        [
            Text(clock(entry["at"]), style="dim"),
            Text(entry["transition"], style=STATUS_STYLES.get(entry["status"], "")),
            Text(entry.get("message", "")),
        ]
        for entry in entries
    ]
    return folded(rows, width, gap=1 if width < NARROW_COLUMNS else 2)
