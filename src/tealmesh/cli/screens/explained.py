"""`teal explain`: one sentence first, then what each step found, then the journal."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from tealmesh.cli.screens.fit import folded, versions
from tealmesh.cli.screens.render import (
    NARROW_COLUMNS,
    STATUS_STYLES,
    VERDICT_STYLES,
    clock,
    duration,
    milliseconds,
    moment,
)
from tealmesh.cli.screens.standing import outcome
from tealmesh.model.arn import ID_CHARACTERS

if TYPE_CHECKING:
    from tealmesh.model import wire
    from tealmesh.model.rollout.bundle import Bundle, BundleSide


def explained_view(
    answer: wire.ExplainOutput, width: int, now: float, bundle: Bundle | None = None
) -> RenderableType:
    """``width``: in columns. ``now``: epoch seconds. ``bundle``: its windows are shown."""
    deployment = answer["deployment"]
    style = STATUS_STYLES.get(outcome(deployment), "")
    parts: list[RenderableType] = [Text(answer["sentence"], style=f"bold {style}"), Text()]
    parts += [*_head(deployment, now), *_definition(answer.get("definition"), width), Text()]
    for step in answer["steps"]:
        parts += [*_step(step, width), Text()]
    if "hooks" in deployment:
        parts += [Text("hooks", style="bold"), *_hooks(deployment["hooks"], width), Text()]
    if bundle is not None:
        parts += [Text("windows", style="bold"), *windows_view(bundle, width), Text()]
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


def _definition(changed: wire.DefinitionChange | None, width: int) -> Iterable[RenderableType]:
    """What differs between the task definitions of both sides, once both are known."""
    if changed is None or "differences" not in changed:
        return
    old, new = (arn.rpartition("/")[2] for arn in (changed.get("old", ""), changed.get("new", "")))
    yield Text(f"task definition {old} → {new}", style="dim")
    rows = [
        [Text(f"{one['what']}: {one.get('before', '(none)')} → {one.get('after', '(none)')}")]
        for one in changed["differences"]
    ]
    yield from folded(rows, width, indent=2)


def _step(step: wire.ExplainedStep, width: int) -> Iterable[RenderableType]:
    yield Text(step["title"], style="bold").append(_times(step), style="not bold dim")
    yield from folded([[Text(step["measured"])]], width, indent=2)
    rows = [
        [
            Text(finding["verdict"], style=VERDICT_STYLES.get(finding["verdict"], "")),
            Text(finding["gate"]),
            Text(finding["detail"]).append(_numbers(finding.get("evidence")), style="dim"),
        ]
        for finding in step["findings"]
    ]
    yield from folded(rows, width, gap=1 if width < NARROW_COLUMNS else 2, indent=2)
    yield from folded([[Text("→"), Text(step["outcome"])]], width, gap=1, indent=2)


def _times(step: wire.ExplainedStep) -> str:
    """When it was measured; empty from a control plane that does not tell."""
    if "startedAt" not in step:
        return ""
    ended = f" to {clock(step['finishedAt'])}" if "finishedAt" in step else ""
    return f", from {clock(step['startedAt'])}{ended}"


def _numbers(evidence: wire.GateEvidence | None) -> str:
    """The e-values with their bounds, and φ; empty for a gate without."""
    if evidence is None:
        return ""
    good = max(evidence["logEAlike"], evidence.get("logEBelow", -math.inf))
    against = f"E {e_value(evidence['logEWorse'])} against it (fails at "
    return (
        f" [{against}{e_value(evidence['failAt'])}), {e_value(good)} for it (passes at "
        f"{e_value(evidence['passAt'])}), φ {evidence['phi']:.1f}]"
    )


def e_value(logarithm: float) -> str:
    """An e-value by its natural logarithm: ``0.52``, ``300``, ``10^12``."""
    tens = logarithm / math.log(10)
    if tens >= 6 or tens <= -3:
        return f"10^{tens:.0f}"
    value = math.exp(logarithm)
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def windows_view(bundle: Bundle, width: int) -> Iterable[Text]:
    """Each window of measurement: when, the step, what callers saw of both sides, and the
    comparison of all windows so far.
    """
    if not bundle["windows"]:
        return [Text("  none was closed", style="dim")]
    rows = []
    for window in bundle["windows"]:
        new, old = window["new"], window["old"]
        judged = [
            f"{metric} E {e_value(one['logEWorse'])} of {e_value(one['failAt'])}"
            for metric, one in window["evidence"].items()
        ]
        compared = ", ".join(judged) if window["compared"] else window["note"]
        seen = f"{_seen(new, bundle['new']['side'])}; {_seen(old, bundle['old']['side'])}"
        rows.append(
            [
                Text(clock(window["startedAt"]), style="dim"),
                Text(f"step {window['step'] + 1}"),
                Text(f"{window['seconds']:.0f} s", justify="right"),
                Text(f"{seen}; {compared}" if compared else seen),
            ]
        )
    return folded(rows, width, gap=1, indent=2)


def _seen(side: BundleSide, name: str) -> str:
    p99 = "" if side["p99"] is None else f", p99 {milliseconds(side['p99'])}"
    return f"{name} {side['failures']} of {side['requests']:,} failed{p99}"


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
