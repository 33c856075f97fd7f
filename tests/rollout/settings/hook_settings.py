"""Rows of `test_settings_have_effects` for what those outside are asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tealmesh.model.clock import Steady, Wall
from tealmesh.model.config import nouns, strategies
from tealmesh.model.errors import DriverError
from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout import system
from tealmesh.rollout.asking.http import Web
from tealmesh.rollout.asking.queries import Queries
from tealmesh.rollout.hooks import due
from tealmesh.rollout.hooks.freezing import frozen
from tests.rollout.machine.walking import created

GATES = ("services", "web", "gates")
SATURDAY = 1_700_308_800.0


def web(config: nouns.TealConfig, state: State = State.CREATED) -> Deployment:
    return replace(created(now=1000.0), gates=config.services["web"].gates, state=state)


def asks(config: nouns.TealConfig) -> list[str]:
    """The metrics that are asked at a step."""

    async def nobody(call: Callable[[Any], Any]) -> Any:
        raise DriverError("nobody is there", retryable=True)

    async def started() -> list[str]:
        queries = Queries(Web(), nobody, lambda: Steady(1000.0), lambda: Wall(1000.0))
        service = system.services(config)[0]
        found = [gate.gate for gate in queries.verdicts(web(config, State.MEASURING), service)]
        await queries.close()
        return found

    return asyncio.run(started())


ROWS: dict[tuple[type, str], tuple[tuple[str, ...], object, Callable[..., object]]] = {
    (strategies.Gates, "hooks"): (
        (*GATES, "hooks"), [{"stage": "PRE_SCALE_UP", "command": "true"}],
        lambda b, a: due.before(web(a)) and not due.before(web(b)),
    ),
    (strategies.Gates, "prometheus"): (
        (*GATES, "prometheus"),
        [{"name": "p", "url": "http://127.0.0.1:1", "query": "up", "pass": "> 0"}],
        lambda b, a: asks(a) == ["prometheus p"] and not asks(b),
    ),
    (strategies.Gates, "cloudwatch"): (
        (*GATES, "cloudwatch"),
        [{"name": "c", "namespace": "n", "metric": "m", "pass": "> 0"}],
        lambda b, a: asks(a) == ["cloudwatch c"] and not asks(b),
    ),
    (strategies.Gates, "freeze"): (
        (*GATES, "freeze"), [{"days": ["sat"], "zone": "UTC"}],
        lambda b, a: frozen(web(a).gates.freeze, SATURDAY)
        and not frozen(web(a).gates.freeze, SATURDAY + 86_400)
        and not frozen(web(b).gates.freeze, SATURDAY),
    ),
}  # fmt: skip
