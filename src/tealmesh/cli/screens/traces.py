"""Traces as lines: a list, one trace as a waterfall, and the map of services. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tealmesh.model import wire

NOTHING = (
    "no traces yet: `teal up --trace 0.1` lets the Envoys that it starts tell a tenth of their "
    "requests; tasks with the X-Ray daemon (ENABLE_ENVOY_XRAY_TRACING=1), X-Ray's SDKs and "
    "OpenTelemetry tell theirs by themselves (docs/traces.md)"
)
_LEAST_BAR = 16
_GAP = 2
_WIDEST = 120
"""Where there is no terminal, lines could be of any length."""
_TOOK = 8
"""Columns of a length of time."""


def listed(answer: wire.ListTracesOutput, width: int) -> Iterator[str]:
    """One line each, the newest first."""
    if not answer["traces"]:
        yield (
            NOTHING
            if not answer["kept"]
            else (
                f"none of the {answer['kept']} traces that are kept is such a one; they are of "
                + ", ".join(answer["services"])
            )
        )
        return
    services = max(len(one["service"]) for one in answer["traces"])
    services = min(services, max(8, width // 4))
    for one in answer["traces"]:
        at = time.strftime("%H:%M:%S", time.localtime(one["startedAt"]))
        sign = _sign(one)
        status = str(one.get("status", "")).rjust(3)
        begin = (
            f"{at}  {short_id(one['traceId'])}  {took(one['seconds']):>{_TOOK}}  {sign} {status}"
        )
        named = _short(one["service"], services).ljust(services)
        rest = f"{begin}  {named}  "
        yield (rest + _short(_what(one), max(10, width - len(rest)))).rstrip()


def waterfall(answer: wire.GetTraceOutput, width: int) -> Iterator[str]:
    """The steps of a trace, each under the one that caused it, with when it ran."""
    width = min(width, _WIDEST)
    trace, spans = answer["trace"], answer["spans"]
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(trace["startedAt"]))
    yield f"trace {trace['traceId']}"
    parts = [at, took(trace["seconds"]), f"{len(spans)} steps of {len(trace['services'])} services"]
    parts += ["in progress"] if trace.get("inProgress") else []
    parts += [f"{trace['refused']} more had no room"] if trace.get("refused") else []
    yield ", ".join(parts)
    labels = [_label(one, spans, number) for number, one in enumerate(spans)]
    most = width - _LEAST_BAR - _TOOK - 2 * _GAP
    left = min(max(map(len, labels)), max(20, most))
    bar = max(_LEAST_BAR, width - left - _TOOK - 2 * _GAP)
    for one, label in zip(spans, labels, strict=True):
        time_taken = took(one["seconds"]) if "seconds" in one else "…"
        gap = " " * _GAP
        yield f"{_short(label, left):<{left}}{gap}{_bar(one, trace, bar)}{gap}{time_taken:>{_TOOK}}"
        if one.get("message"):
            indent = "  " * (one["depth"] + 1)
            yield _short(f"{indent}{one['message']}", width)


def mapped(answer: wire.GetServiceMapOutput) -> Iterator[str]:
    """Who calls whom: each caller with those that it calls."""
    if not answer["traces"]:
        yield NOTHING
        return
    yield f"of {answer['traces']} traces"
    nodes = {one["id"]: one for one in answer["nodes"]}
    for node in answer["nodes"]:
        if node["kind"] == "remote":
            continue
        yield node["name"] if node["kind"] == "client" else f"{node['name']}  {_counted(node)}"
        for edge in answer["edges"]:
            if edge["source"] == node["id"]:
                target = nodes[edge["target"]]
                beside = "  (tells nothing)" if target["kind"] == "remote" else ""
                yield f"  → {target['name']}  {_counted(edge)}{beside}"


def took(seconds: float) -> str:
    """A length of time, short: ``3.2 ms``."""
    if seconds < 0.000_95:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.995:
        ms = seconds * 1000
        return f"{ms:.1f} ms" if ms < 10 else f"{ms:.0f} ms"
    if seconds < 10_000:
        return f"{seconds:.2f} s" if seconds < 100 else f"{seconds:.0f} s"
    return f"{seconds / 3600:.0f} h"


def short_id(trace: str) -> str:
    """The beginning of a trace's id, by which `teal traces` finds it."""
    return trace.removeprefix("1-")[:15]


def _what(one: wire.TraceSummary | wire.SpanDescription) -> str:
    """What was asked: the method and the URL, or the name of the step."""
    if one.get("url"):
        return f"{one.get('method', '')} {one['url'].partition('://')[2] or one['url']}".strip()
    return one["name"]


def _label(one: wire.SpanDescription, spans: Sequence[wire.SpanDescription], number: int) -> str:
    sign = _sign(one)
    before = f"{'  ' * one['depth']}{sign + ' ' if sign.strip() else ''}"
    above = next((s for s in reversed(spans[:number]) if s["depth"] == one["depth"] - 1), None)
    same = above is not None and above["service"] == one["service"]
    what = one["name"] if same or not one.get("url") else _what(one)
    status = f" {one['status']}" if "status" in one else ""
    return f"{before}{'' if same else one['service'] + ' '}{what}{status}"


def _bar(one: wire.SpanDescription, trace: wire.TraceSummary, columns: int) -> str:
    """When the step ran within its trace."""
    end = trace["startedAt"] + trace["seconds"]
    end = one["startedAt"] + one["seconds"] if "seconds" in one else end
    begin = min(columns - 1, _column(one["startedAt"], trace, columns))
    stop = max(begin + 1, _column(end, trace, columns))
    return ("·" * begin + "━" * (stop - begin)).ljust(columns, "·")


def _column(moment: float, trace: wire.TraceSummary, columns: int) -> int:
    # The clocks of those who tell differ, so it may be outside of the trace.
    share = (moment - trace["startedAt"]) / max(trace["seconds"], 1e-9)
    return round(min(1.0, max(0.0, share)) * columns)


def _sign(one: wire.TraceSummary | wire.SpanDescription) -> str:
    return "✖" if one.get("fault") or one.get("error") or one.get("throttle") else " "


def _counted(one: wire.MapNode | wire.MapEdge) -> str:
    """Requests, how many of them failed, and how fast they were."""
    count = one["requests"]
    words = [f"{count} request{'s' if count != 1 else ''}"]
    failed = one["faults"] + one["errors"] + one["throttles"]
    if failed:
        words.append(f"✖ {failed} failed")
    if "p50" in one and "p99" in one:
        words.append(f"p50 {took(one['p50'] / 1000)}, p99 {took(one['p99'] / 1000)}")
    return ", ".join(words)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(0, most - 1)] + "…"
