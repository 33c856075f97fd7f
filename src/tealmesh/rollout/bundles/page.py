"""A bundle as one page of HTML, which needs no other file and runs no script. Pure."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from tealmesh.model.rollout.bundle import Bundle, BundleSide, BundleWindow
from tealmesh.model.wire import GateEvidence
from tealmesh.rollout.bundles.plots import Line, plot

_BLUE, _GREEN, _RED, _GREY = "#2563c9", "#0b7a75", "#c0392b", "#8a9a99"
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#12302f}h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin-top:2rem}
h3{font-size:1rem;margin:0}
table{border-collapse:collapse;width:100%;font-size:.9rem}
td,th{padding:.25rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #dde5e4}
td.n{text-align:right;font-variant-numeric:tabular-nums}
figure{margin:1rem 0}svg{width:100%;height:auto}svg text{font-size:11px;fill:#566}
.grid{stroke:#e3eae9;fill:none}.line{fill:none;stroke-width:2}.legend span{margin-right:1.2rem}
.legend i{display:inline-block;width:1em;height:.3em;margin-right:.4em;vertical-align:middle}
.none{color:#667}.PASS{color:#0b7a75}.FAIL{color:#c0392b}code{font-size:.9em}
"""


def page(bundle: Bundle) -> str:
    """The page."""
    title = f"{bundle['service']}: {bundle['old']['image']} → {bundle['new']['image']}"
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p><b>{bundle['status']}</b>: {html.escape(bundle['serves'] or bundle['state'])}</p>",
        f"<p>{html.escape(bundle['reason'])}</p>" if bundle["reason"] else "",
        _table(("", ""), _facts(bundle)),
        "<h2>Steps</h2>",
        _table(_STEPS, _steps(bundle)),
        "<h2>Gates</h2>",
        _table(("step", "gate", "verdict", "what it found", "log E", "φ"), _gates(bundle)),
        "<h2>What callers saw</h2>",
        *_plots(bundle),
        "<h2>The comparison of both sides</h2>",
        *_evidence(bundle),
        "<h2>By caller</h2>",
        _table(("caller", "side", "requests", "failed", "4xx"), _callers(bundle)),
        "<h2>By task</h2>",
        _table(("task", "side", "requests", "failed", "4xx", "p50", "p99"), _tasks(bundle)),
        "<h2>Tasks that failed</h2>",
        _table(("task", "side", "when", "why"), _failed(bundle)),
        "<h2>Who decided</h2>",
        _table(("when", "who", "", "what"), _decisions(bundle)),
        "<h2>Journal</h2>",
        _table(("", "when", "", "", "what"), _journal(bundle)),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


_STEPS = ("step", "began", "weights", "measured share", "requests", "failed", "p50", "p99")

Row = Sequence[object]


def _facts(bundle: Bundle) -> Iterator[Row]:
    yield "deployment", bundle["deploymentId"]
    yield "started", f"{_time(bundle['startedAt'])} by {bundle['startedBy'] or 'nobody'}"
    if bundle["finishedAt"] is not None:
        took = bundle["finishedAt"] - bundle["startedAt"]
        yield "finished", f"{_time(bundle['finishedAt'])}, after {took:.1f} s"
    yield (
        "sides",
        f"{bundle['old']['side']} → {bundle['new']['side']}, {bundle['desiredCount']} tasks",
    )
    definition = bundle["definition"]
    if definition["new"]:
        yield "task definition", f"{definition['old'] or '?'} → {definition['new']}"
    for difference in definition["differences"]:
        yield "differs in", difference


def _steps(bundle: Bundle) -> Iterator[Row]:
    for step in bundle["steps"]:
        weights = " ".join(f"{side}={weight}" for side, weight in sorted(step["weights"].items()))
        share = f"{_percent(step['share'])} of {_percent(step['expectedShare'])}"
        failed = f"{step['failures']:,}"
        if step["kinds"]:
            failed += f" ({', '.join(f'{n} {kind}' for kind, n in sorted(step['kinds'].items()))})"
        yield (
            step["step"] + 1,
            _time(step["startedAt"]),
            weights,
            share,
            step["requests"],
            failed,
            _ms(step["p50"]),
            _ms(step["p99"]),
        )


def _gates(bundle: Bundle) -> Iterator[Row]:
    for step in bundle["steps"]:
        for gate in step["gates"]:
            yield (
                step["step"] + 1,
                gate["gate"],
                _Verdict(gate["verdict"]),
                gate["detail"],
                *_numbers(gate.get("evidence")),
            )


def _numbers(evidence: GateEvidence | None) -> Row:
    """The e-values with their bounds, and φ."""
    if evidence is None:
        return "", ""
    good = max(evidence["logEAlike"], evidence.get("logEBelow", -math.inf))
    worse = f"worse {evidence['logEWorse']:.1f} of {evidence['failAt']:.1f}"
    return f"{worse}, good {good:.1f} of {evidence['passAt']:.1f}", f"{evidence['phi']:.1f}"


def _plots(bundle: Bundle) -> Iterator[str]:
    windows = bundle["windows"]
    old, new = bundle["old"]["side"], bundle["new"]["side"]

    def both(value: Callable[[BundleSide, BundleWindow], float | None]) -> list[Line]:
        return [
            Line(old, [(_at(bundle, w), value(w["old"], w)) for w in windows], _BLUE),
            Line(new, [(_at(bundle, w), value(w["new"], w)) for w in windows], _GREEN),
        ]

    if windows:
        first = _time(windows[0]["startedAt"])
        yield f"<p class=none>Seconds are counted from the first window, {first}.</p>"
    measured = [(_at(bundle, w), None if w["share"] is None else w["share"] * 100) for w in windows]
    wanted = [(_at(bundle, w), _weight(w, new) * 100) for w in windows]
    yield plot(
        f"Share of requests to {new}",
        " %",
        [Line("measured", measured, _GREEN), Line("weight", wanted, _GREY, bound=True)],
    )
    yield plot("Requests a second", "", both(lambda side, w: side["requests"] / w["seconds"]))
    yield plot(
        "Failed requests",
        " %",
        both(lambda s, _: 100 * s["failures"] / s["requests"] if s["requests"] else None),
    )
    yield plot("Latency, 99th percentile", " ms", both(lambda side, _: side["p99"]))


def _evidence(bundle: Bundle) -> Iterator[str]:
    metrics = dict.fromkeys(metric for w in bundle["windows"] for metric in w["evidence"])
    if not metrics:
        notes = dict.fromkeys(w["note"] for w in bundle["windows"] if w["note"])
        why = f" ({'; '.join(notes)})" if notes else ""
        yield f"<p class=none>The sides were not compared{html.escape(why)}.</p>"
    for metric in metrics:
        seen = [
            (_at(bundle, w), w["evidence"][metric])
            for w in bundle["windows"]
            if metric in w["evidence"]
        ]
        yield plot(
            f"{metric}: logarithm of E",
            "",
            [
                Line("that the new side is worse", [(t, e["logEWorse"]) for t, e in seen], _RED),
                Line("fails at", [(t, e["failAt"]) for t, e in seen], _RED, bound=True),
                Line("that it is not", [(t, e["logEAlike"]) for t, e in seen], _GREEN),
                Line("passes at", [(t, e["passAt"]) for t, e in seen], _GREEN, bound=True),
            ],
        )


def _callers(bundle: Bundle) -> Iterator[Row]:
    for one in bundle["callers"]:
        yield one["caller"], one["side"], one["requests"], one["failures"], one["clientErrors"]


def _tasks(bundle: Bundle) -> Iterator[Row]:
    for one in bundle["tasks"]:
        counts = one["requests"], one["failures"], one["clientErrors"]
        yield one["task"], one["side"], *counts, _ms(one["p50"]), _ms(one["p99"])


def _failed(bundle: Bundle) -> Iterator[Row]:
    for one in bundle["failedTasks"]:
        yield one["task"], one["side"], _time(one["at"]), one["reason"] or one["code"]


def _decisions(bundle: Bundle) -> Iterator[Row]:
    for entry in bundle["journal"]:
        if entry["by"]:
            yield _time(entry["at"]), entry["by"], entry["transition"], entry["message"]


def _journal(bundle: Bundle) -> Iterator[Row]:
    for entry in bundle["journal"]:
        since = f"+{max(0.0, entry['at'] - bundle['startedAt']):.1f} s"
        yield entry["sequence"], _time(entry["at"]), since, entry["transition"], entry["message"]


class _Verdict(str):
    """Shown in its colour."""

    __slots__ = ()


def _table(head: Sequence[str], rows: Iterable[Row]) -> str:
    body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
    if not body:
        return "<p class=none>Nothing.</p>"
    names = "".join(f"<th>{html.escape(name)}</th>" for name in head) if any(head) else ""
    return f"<table><tr>{names}</tr>{body}</table>"


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"<td class=n>{value:,}</td>"
    style = f" class={value}" if isinstance(value, _Verdict) else ""
    return f"<td{style}>{html.escape(str(value))}</td>"


def _at(bundle: Bundle, window: BundleWindow) -> float:
    """The end of a window, in seconds since the first one began."""
    return window["startedAt"] + window["seconds"] - bundle["windows"][0]["startedAt"]


def _weight(window: BundleWindow, side: str) -> float:
    total = sum(window["weights"].values())
    return window["weights"].get(side, 0) / total if total else 0.0


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"
