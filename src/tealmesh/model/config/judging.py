"""The parts of a teal.toml that say how callers' measurements are judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

from tealmesh.model.config.strategies import Gates, LatencyObjective, Strategy
from tealmesh.model.config.table import Table, dotted

GATE_KEYS = ("compare", "alpha", "beta", "margin", "breaker", "latency")
STRATEGY_KEYS = ("warm_up", "on_no_verdict", "hold_timeout")

_HIGHEST_RISK = 0.5
_HIGHEST_MARGIN = 10.0
_VERDICTS = ("rollback", "hold")
_LONGEST_LATENCY = 3600.0
"""Seconds; the last bound of Envoy's histogram."""


class Judging(TypedDict):
    """The members of `Gates` that are read here."""

    compare: bool
    alpha: float
    beta: float
    margin: float
    breaker: float
    latency: tuple[LatencyObjective, ...]


class Patience(TypedDict):
    """The members of `Strategy` that are read here."""

    warm_up: float
    on_no_verdict: Literal["rollback", "hold"]
    hold_timeout: float


def read_judging(gates: Table) -> Judging:
    """How both sides are compared, and what is asked of the new one, from a ``gates`` table."""
    default = Gates()
    return {
        "compare": gates.boolean("compare", default.compare),
        "alpha": gates.number("alpha", default.alpha, 0, _HIGHEST_RISK, above=True),
        "beta": gates.number("beta", default.beta, 0, _HIGHEST_RISK, above=True),
        "margin": gates.number("margin", default.margin, 0, _HIGHEST_MARGIN),
        "breaker": gates.number("breaker", default.breaker, 0, 1, above=True),
        "latency": _latency(gates),
    }


def read_patience(strategy: Table) -> Patience:
    """What is waited for, from a ``strategy`` table."""
    default = Strategy()
    wanted = strategy.text(
        "on_no_verdict", default.on_no_verdict, '"rollback" or "hold"', _VERDICTS.__contains__
    )
    return {
        "warm_up": strategy.seconds("warm_up", default.warm_up),
        "on_no_verdict": "hold" if wanted == "hold" else "rollback",
        "hold_timeout": strategy.seconds("hold_timeout", default.hold_timeout, positive=True),
    }


def _latency(gates: Table) -> tuple[LatencyObjective, ...]:
    value = gates.data.get("latency", [])
    allowed = 'a list of objectives, such as [{ quantile = 0.99, below = "250ms" }]'
    if not isinstance(value, list | tuple) or not all(isinstance(one, Mapping) for one in value):
        gates.fail("latency", allowed)
    objectives = tuple(_objective(gates, index, one) for index, one in enumerate(value))
    if len({objective.quantile for objective in objectives}) < len(objectives):
        gates.fail("latency", "one objective for each quantile")
    return objectives


def _objective(gates: Table, index: int, value: object) -> LatencyObjective:
    place = f"{dotted(gates.path, 'latency')}[{index}]"
    table = Table(gates.file, place, value, ("quantile", "below"))
    quantile = table.number("quantile", None, 0, 1, above=True)
    if quantile >= 1:
        table.fail("quantile", "a number above 0 and below 1, such as 0.99")
    if "below" not in table.data:
        table.fail("below", 'a duration such as "250ms"')
    below = table.seconds("below", 0.0, positive=True)
    if below > _LONGEST_LATENCY:
        table.fail("below", "at most an hour")
    return LatencyObjective(quantile, below)
