"""The parts of a teal.toml that say how services are deployed: strategy and gates."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import cast

from tealmesh.model.config import beside_tables, judging
from tealmesh.model.config.hooks import (
    OUTSIDE_KEYS,
    read_cloudwatch,
    read_freeze,
    read_hooks,
    read_prometheus,
)
from tealmesh.model.config.strategies import Gates, StepSettings, Strategy, StrategyType
from tealmesh.model.config.table import Table, dotted
from tealmesh.model.config.watching import read_watch

MOST_REQUESTS = 1_000_000_000
"""The most that `min_requests` can ask for."""

_TIMEOUTS = (
    "start_timeout",
    "verify_timeout",
    "step_timeout",
    "bake_timeout",
    "rollback_timeout",
    "stop_timeout",
)
TYPES: tuple[StrategyType, ...] = ("bluegreen", "canary", "linear", "ab")
_STRATEGY_KEYS = (
    "type",
    "steps",
    "step",
    "step_time",
    "bake_time",
    *_TIMEOUTS,
    "keep_old",
    *beside_tables.KEYS,
    *judging.STRATEGY_KEYS,
)
_STEP_KEYS = ("weight", "time", "timeout", "approval", "success_rate", "min_requests")
_GATES_KEYS = (
    "success_rate",
    "min_requests",
    "approval",
    "approval_timeout",
    *judging.GATE_KEYS,
    "watch",
    *OUTSIDE_KEYS,
)
CANARY_STEPS = (10, 50, 100)
"""The new side's share of traffic at each step of a canary, in percent, unless steps are set."""
LINEAR_STEP = 10
_STEPS_ALLOWED = (
    "rising whole percentages from 1 that end with 100, such as [10, 50, 100], each with settings "
    'of its own if need be, such as { weight = 10, time = "5m" }'
)


def read_strategy(owner: Table) -> Strategy:
    """The strategy of a service, from its ``strategy`` table or by default."""
    table = owner.table("strategy", _STRATEGY_KEYS)
    assumed = next(
        (
            kind
            for key, kind in (("steps", "canary"), ("step", "linear"), ("match", "ab"))
            if key in table.data
        ),
        "bluegreen",
    )
    allowed = '"bluegreen", "canary", "linear" or "ab"'
    kind = table.text("type", assumed, allowed, TYPES.__contains__)
    defaults = Strategy()
    timeouts = {key: table.seconds(key, getattr(defaults, key), positive=True) for key in _TIMEOUTS}
    steps, own = _steps(table, kind)
    return Strategy(
        type=cast("StrategyType", kind),
        steps=steps,
        step_time=table.seconds("step_time", defaults.step_time),
        bake_time=table.seconds("bake_time", defaults.bake_time),
        **timeouts,
        **judging.read_patience(table),
        step_settings=own,
        keep_old=table.seconds("keep_old", defaults.keep_old),
        preview=beside_tables.read_preview(table),
        mirror=beside_tables.read_mirror(table),
        match=beside_tables.read_match(table, kind),
        sticky=beside_tables.read_sticky(table, kind),
    )


def linear_steps(step: int) -> tuple[int, ...]:
    """Equal steps of so many percent; the last one is what is left to 100."""
    return (*range(step, 100, step), 100)


def _steps(table: Table, kind: str) -> tuple[tuple[int, ...], tuple[StepSettings, ...]]:
    """The weights of the steps, and what they have of their own if any has something."""
    step = table.integer("step", LINEAR_STEP, 1, 100)
    if kind != "linear" and "step" in table.data:
        table.fail("step", f'left out with type "{kind}"; equal steps need type = "linear"')
    if kind == "linear":
        if "steps" in table.data:
            table.fail("steps", 'left out with type "linear", which has step = PERCENT instead')
        return linear_steps(step), ()
    value = table.data.get("steps", CANARY_STEPS if kind == "canary" else (100,))
    if not isinstance(value, list | tuple) or not value:
        table.fail("steps", _STEPS_ALLOWED)
    read = [_step(table, index, one) for index, one in enumerate(value)]
    weights = tuple(weight for weight, _ in read)
    if weights[-1] != 100 or any(later <= earlier for earlier, later in pairwise(weights)):
        table.fail("steps", _STEPS_ALLOWED)
    if kind in ("bluegreen", "ab") and len(weights) > 1:
        table.fail("steps", f'[100] for type "{kind}"; more steps need type = "canary"')
    own = tuple(settings for _, settings in read)
    return weights, own if any(one != StepSettings() for one in own) else ()


def _step(owner: Table, index: int, value: object) -> tuple[int, StepSettings]:
    """One entry of ``steps``: a weight, or a table with it and settings of the step."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= 100:
            owner.fail("steps", _STEPS_ALLOWED)
        return value, StepSettings()
    if not isinstance(value, Mapping):
        owner.fail("steps", _STEPS_ALLOWED)
    table = Table(owner.file, dotted(owner.path, f"steps[{index}]"), value, _STEP_KEYS)
    rate, least = "success_rate", "min_requests"
    return table.integer("weight", None, 1, 100), StepSettings(
        time=table.seconds_or_none("time"),
        timeout=table.seconds("timeout", 0.0, positive=True) if "timeout" in table.data else None,
        approval=table.boolean("approval", False),
        success_rate=table.share(rate, 1.0) if rate in table.data else None,
        min_requests=table.integer(least, 0, 0, MOST_REQUESTS) if least in table.data else None,
    )


def read_gates(owner: Table) -> Gates:
    """The gates of a service, from its ``gates`` table or by default."""
    table = owner.table("gates", _GATES_KEYS)
    defaults = Gates()
    return Gates(
        success_rate=table.share("success_rate", defaults.success_rate),
        min_requests=table.integer("min_requests", defaults.min_requests, 0, MOST_REQUESTS),
        approval=table.boolean("approval", defaults.approval),
        approval_timeout=table.seconds("approval_timeout", defaults.approval_timeout),
        **judging.read_judging(table),
        hooks=read_hooks(table),
        prometheus=read_prometheus(table),
        cloudwatch=read_cloudwatch(table),
        freeze=read_freeze(table),
        watch=read_watch(table),
    )
