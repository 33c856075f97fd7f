"""The parts of a teal.toml that say how services are deployed: strategy and gates."""

from __future__ import annotations

from itertools import pairwise

from tealmesh.model.config import judging
from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.config.table import Table

_TIMEOUTS = (
    "start_timeout",
    "verify_timeout",
    "step_timeout",
    "bake_timeout",
    "rollback_timeout",
    "stop_timeout",
)
_STRATEGY_KEYS = ("type", "steps", "step_time", "bake_time", *_TIMEOUTS, *judging.STRATEGY_KEYS)
_CANARY_STEPS = (10, 50, 100)


def read_strategy(owner: Table) -> Strategy:
    """The strategy of a service, from its ``strategy`` table or by default."""
    table = owner.table("strategy", _STRATEGY_KEYS)
    assumed = "canary" if "steps" in table.data else "bluegreen"
    kind = table.text(
        "type", assumed, '"bluegreen" or "canary"', ("bluegreen", "canary").__contains__
    )
    defaults = Strategy()
    timeouts = {key: table.seconds(key, getattr(defaults, key), positive=True) for key in _TIMEOUTS}
    return Strategy(
        type="canary" if kind == "canary" else "bluegreen",
        steps=_steps(table, canary=kind == "canary"),
        step_time=table.seconds("step_time", defaults.step_time),
        bake_time=table.seconds("bake_time", defaults.bake_time),
        **timeouts,
        **judging.read_patience(table),
    )


def _steps(table: Table, *, canary: bool) -> tuple[int, ...]:
    value = table.data.get("steps", _CANARY_STEPS if canary else (100,))
    allowed = "rising whole percentages from 1 that end with 100, such as [10, 50, 100]"
    if not isinstance(value, list | tuple) or not value:
        table.fail("steps", allowed)
    whole = all(isinstance(step, int) and not isinstance(step, bool) for step in value)
    if not whole or value[0] < 1 or value[-1] != 100:
        table.fail("steps", allowed)
    if any(later <= earlier for earlier, later in pairwise(value)):
        table.fail("steps", allowed)
    if not canary and len(value) > 1:
        table.fail("steps", '[100] for type "bluegreen"; more steps need type = "canary"')
    return tuple(value)


def read_gates(owner: Table) -> Gates:
    """The gates of a service, from its ``gates`` table or by default."""
    table = owner.table("gates", ("success_rate", "min_requests", "approval", *judging.GATE_KEYS))
    defaults = Gates()
    return Gates(
        success_rate=table.share("success_rate", defaults.success_rate),
        min_requests=table.integer("min_requests", defaults.min_requests, 0, 1_000_000_000),
        approval=table.boolean("approval", defaults.approval),
        **judging.read_judging(table),
    )
