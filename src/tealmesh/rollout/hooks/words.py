"""What a deployment will ask others, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tealmesh.model.config.strategies import Gates


def planned(gates: Gates, *stages: str, weighted: bool = False) -> Iterator[str]:
    """What is waited for at these stages, one by one, as a plan says it. ``weighted``: the new side
    has weight in them, so that metrics are asked.
    """
    for hook in gates.hooks:
        if hook.stage in stages:
            yield f"hook {hook.name} says so"
    if not weighted:
        return
    for query in gates.prometheus:
        yield f"prometheus {query.name}: {query.passes}"
    for metric in gates.cloudwatch:
        yield f"cloudwatch {metric.name}: {metric.passes}"
