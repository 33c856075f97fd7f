"""What the value of a metric means for a version. Pure."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tealmesh.model.config.outside import condition
from tealmesh.model.rollout import GateResult, Verdict
from tealmesh.model.said import say

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_MOST_SHOWN = 3
"""Series that a detail names."""


@dataclass(frozen=True)
class Series:
    """One value that a query found."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Found:
    """What a query answered."""

    series: tuple[Series, ...] = ()
    error: str = ""
    """Why nothing is known; empty if the query was answered."""
    warnings: tuple[str, ...] = ()


def holds(text: str, value: float) -> bool:
    """Whether a value is as the condition says."""
    parsed = condition(text)
    return parsed is not None and _COMPARISONS[parsed[0]](value, parsed[1])


@dataclass(frozen=True)
class Asked:
    """How a metric is judged, and the verdicts so far."""

    name: str
    passes: str
    failures: int
    """How many values in a row that do not pass fail the version."""
    empty: str
    failed: int = 0
    """How many in a row have not passed until now."""


def judge(asked: Asked, found: Found) -> tuple[GateResult, int]:
    """The verdict on what a query answered, and how many in a row have not passed by now. A query
    that could not be answered is UNKNOWN, and says nothing of the version.
    """
    if found.error:
        return GateResult(asked.name, Verdict.UNKNOWN, found.error), asked.failed
    numbers = [one for one in found.series if not math.isnan(one.value)]
    if not numbers:
        what = say("the query has only NaN") if found.series else say("the query has no value")
        return _empty(asked, _warned(what, found))
    missed = [one for one in numbers if not holds(asked.passes, one.value)]
    if not missed:
        shown = say("{shown}, as it must be ({passes})", shown=_shown(numbers), passes=asked.passes)
        return GateResult(asked.name, Verdict.PASS, _warned(shown, found)), 0
    told = say("{shown}, must be {passes}", shown=_shown(missed), passes=asked.passes)
    return _failed(asked, _warned(told, found))


def _warned(told: str, found: Found) -> str:
    if not found.warnings:
        return told
    return say("{told} (warning: {words})", told=told, words="; ".join(found.warnings))


def _empty(asked: Asked, detail: str) -> tuple[GateResult, int]:
    if asked.empty == "pass":
        return GateResult(asked.name, Verdict.PASS, say("{detail}, which passes", detail=detail)), 0
    if asked.empty == "fail":
        return _failed(asked, detail)
    return GateResult(asked.name, Verdict.NEED_DATA, detail), asked.failed


def _failed(asked: Asked, detail: str) -> tuple[GateResult, int]:
    failed = asked.failed + 1
    if failed >= asked.failures:
        if asked.failures > 1:
            detail = say("{detail}, {times} times in a row", detail=detail, times=failed)
        return GateResult(asked.name, Verdict.FAIL, detail), failed
    counted = say(
        "{detail}, {failed} of the {failures} times that fail the version",
        detail=detail,
        failed=failed,
        failures=asked.failures,
    )
    return GateResult(asked.name, Verdict.NEED_DATA, counted), failed


def _shown(series: Sequence[Series]) -> str:
    more = len(series) - _MOST_SHOWN
    shown = ", ".join(f"{_labels(one.labels)}{one.value:g}" for one in series[:_MOST_SHOWN])
    return say("{shown} and {more} more", shown=shown, more=more) if more > 0 else shown


def _labels(labels: Mapping[str, str]) -> str:
    rest = {name: value for name, value in labels.items() if name != "__name__"}
    if not rest:
        return ""
    return "{" + ", ".join(f"{name}={value}" for name, value in sorted(rest.items())) + "} "


def prometheus(status: int, body: bytes) -> Found:
    """What Prometheus answered to an instant query.

    https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return Found(
            error=say("the query was answered with HTTP {status}, and not with JSON", status=status)
        )
    if not isinstance(answer, dict) or answer.get("status") not in ("success", "error"):
        told = say(
            "the query was answered with HTTP {status}, and not by Prometheus", status=status
        )
        return Found(error=told)
    if answer["status"] == "error" or status // 100 != 2:
        kind, message = answer.get("errorType", "error"), answer.get("error", f"HTTP {status}")
        return Found(error=say("the query failed: {error}", error=f"{kind}: {message}"))
    data = answer.get("data")
    result_type = data.get("resultType") if isinstance(data, dict) else None
    result = data.get("result") if isinstance(data, dict) else None
    warned = answer.get("warnings", [])
    warnings = tuple(str(one) for one in warned) if isinstance(warned, list) else ()
    try:
        if result_type == "scalar":
            return Found((Series({}, _number(result)),), warnings=warnings)
        if result_type == "vector" and isinstance(result, list):
            series = tuple(Series(dict(r["metric"]), _number(r["value"])) for r in result)
            return Found(series, warnings=warnings)
    except (KeyError, TypeError, ValueError, IndexError):
        told = say(
            "the query was answered with a {kind} that cannot be read", kind=str(result_type)
        )
        return Found(error=told)
    told = say(
        "the query has a {kind}: it must give a scalar or an instant vector", kind=str(result_type)
    )
    return Found(error=told)


def _number(pair: object) -> float:
    """The value of ``[time, "value"]``; numbers travel as text, as ``NaN`` and ``+Inf`` do."""
    if not isinstance(pair, list) or len(pair) != 2:
        raise ValueError("not a sample")
    return float(pair[1])
