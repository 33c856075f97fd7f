"""The parts of a teal.toml that say how services are deployed: strategy and gates."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, cast

from tealmesh.model.config import beside_tables
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
_STRATEGY_KEYS = ("type", "steps", "step_time", "bake_time", *_TIMEOUTS, *beside_tables.KEYS)
_CANARY_STEPS = (10, 50, 100)


def read_strategy(owner: Table) -> Strategy:
    """The strategy of a service, from its ``strategy`` table or by default."""
    table = owner.table("strategy", _STRATEGY_KEYS)
    assumed = next(
        (kind for key, kind in (("steps", "canary"), ("match", "ab")) if key in table.data),
        "bluegreen",
    )
    kind = table.text(
        "type", assumed, '"bluegreen", "canary" or "ab"', ("bluegreen", "canary", "ab").__contains__
    )
    defaults = Strategy()
    timeouts = {key: table.seconds(key, getattr(defaults, key), positive=True) for key in _TIMEOUTS}
    return Strategy(
        type=cast('Literal["bluegreen", "canary", "ab"]', kind),
        steps=_steps(table, canary=kind == "canary"),
        step_time=table.seconds("step_time", defaults.step_time),
        bake_time=table.seconds("bake_time", defaults.bake_time),
        **timeouts,
        preview=beside_tables.read_preview(table),
        mirror=beside_tables.read_mirror(table),
        match=beside_tables.read_match(table, kind),
        sticky=beside_tables.read_sticky(table, kind),
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
        told = table.data.get("type", "bluegreen")
        table.fail("steps", f'[100] for type "{told}"; more steps need type = "canary"')
    return tuple(value)


def read_gates(owner: Table) -> Gates:
    """The gates of a service, from its ``gates`` table or by default."""
    table = owner.table("gates", ("success_rate", "min_requests", "approval"))
    defaults = Gates()
    return Gates(
        success_rate=table.share("success_rate", defaults.success_rate),
        min_requests=table.integer("min_requests", defaults.min_requests, 0, 1_000_000_000),
        approval=table.boolean("approval", defaults.approval),
    )
