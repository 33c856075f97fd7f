"""What the value of a metric means for a version. Pure."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tealmesh.model.config.outside import condition
from tealmesh.model.rollout import GateResult, Verdict

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
    warned = f" (warning: {'; '.join(found.warnings)})" if found.warnings else ""
    numbers = [one for one in found.series if not math.isnan(one.value)]
    if not numbers:
        what = "only NaN" if found.series else "no value"
        return _empty(asked, f"the query has {what}{warned}")
    missed = [one for one in numbers if not holds(asked.passes, one.value)]
    if not missed:
        shown = f"{_shown(numbers)}, as it must be ({asked.passes}){warned}"
        return GateResult(asked.name, Verdict.PASS, shown), 0
    return _failed(asked, f"{_shown(missed)}, must be {asked.passes}{warned}")


def _empty(asked: Asked, detail: str) -> tuple[GateResult, int]:
    if asked.empty == "pass":
        return GateResult(asked.name, Verdict.PASS, f"{detail}, which passes"), 0
    if asked.empty == "fail":
        return _failed(asked, detail)
    return GateResult(asked.name, Verdict.NEED_DATA, detail), asked.failed


def _failed(asked: Asked, detail: str) -> tuple[GateResult, int]:
    failed = asked.failed + 1
    if failed >= asked.failures:
        times = f", {failed} times in a row" if asked.failures > 1 else ""
        return GateResult(asked.name, Verdict.FAIL, f"{detail}{times}"), failed
    counted = f"{detail}, {failed} of the {asked.failures} times that fail the version"
    return GateResult(asked.name, Verdict.NEED_DATA, counted), failed


def _shown(series: Sequence[Series]) -> str:
    more = len(series) - _MOST_SHOWN
    shown = ", ".join(f"{_labels(one.labels)}{one.value:g}" for one in series[:_MOST_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown


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
        return Found(error=f"the query was answered with HTTP {status}, and not with JSON")
    if not isinstance(answer, dict) or answer.get("status") not in ("success", "error"):
        return Found(error=f"the query was answered with HTTP {status}, and not by Prometheus")
    if answer["status"] == "error" or status // 100 != 2:
        kind, message = answer.get("errorType", "error"), answer.get("error", f"HTTP {status}")
        return Found(error=f"the query failed: {kind}: {message}")
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
        return Found(error=f"the query was answered with a {result_type} that cannot be read")
    return Found(error=f"the query has a {result_type}: it must give a scalar or an instant vector")


def _number(pair: object) -> float:
    """The value of ``[time, "value"]``; numbers travel as text, as ``NaN`` and ``+Inf`` do."""
    if not isinstance(pair, list) or len(pair) != 2:
        raise ValueError("not a sample")
    return float(pair[1])
