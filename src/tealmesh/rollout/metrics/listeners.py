"""A side with several listeners: what callers saw of each becomes one. Pure.

Routes of one router may lead to several ports and protocols of a virtual node, and callers' Envoys
have a cluster for each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import zip_longest

from tealmesh.model.rollout import Traffic
from tealmesh.model.traffic.windows import Counts, SideWindow


def traffic_together(parts: Sequence[Traffic]) -> Traffic:
    """The sum of what callers saw. The quantiles are those of the listener with the most requests
    that has any: with TCP nothing is timed.
    """
    if len(parts) == 1:
        return parts[0]
    seen = [part for part in parts if part.reporters]
    timed = [part for part in parts if part.p50 is not None]
    busiest = max(timed, key=lambda part: part.requests, default=Traffic())
    kinds: Counter[str] = Counter()
    for part in parts:
        kinds.update(part.kinds)
    return Traffic(
        requests=sum(part.requests for part in parts),
        failures=sum(part.failures for part in parts),
        client_errors=sum(part.client_errors for part in parts),
        started=sum(part.started for part in parts),
        kinds=dict(kinds),
        waiting=sum(part.waiting for part in parts),
        under_way=sum(part.under_way for part in parts),
        p50=busiest.p50,
        p99=busiest.p99,
        timed=busiest.timed,
        bounds=busiest.bounds,
        buckets=busiest.buckets,
        reporters=max((part.reporters for part in parts), default=0),
        members=_least(part.members for part in parts),
        members_healthy=_least(part.members_healthy for part in parts),
        seen_until=min((part.seen_until for part in seen), default=0.0),
        every=max((part.every for part in parts), default=0.0),
        seconds=max((part.seconds for part in parts), default=0.0),
    )


def window_together(parts: Sequence[SideWindow]) -> SideWindow:
    """The sum of what callers saw in a window."""
    whole, *others = parts
    for part in others:
        callers = {**whole.by_caller}
        for caller, counts in part.by_caller.items():
            callers[caller] = callers.get(caller, Counts()) + counts
        timed = part if not whole.bounds else whole
        if whole.bounds and part.bounds == whole.bounds:
            buckets = tuple(a + b for a, b in zip(whole.buckets, part.buckets, strict=True))
            timed = replace(whole, timed=whole.timed + part.timed, buckets=buckets)
        whole = replace(
            whole,
            requests=whole.requests + part.requests,
            failures=whole.failures + part.failures,
            client_errors=whole.client_errors + part.client_errors,
            open=whole.open + part.open,
            active=whole.active + part.active,
            started=whole.started + part.started,
            timed=timed.timed,
            bounds=timed.bounds,
            buckets=timed.buckets,
            kinds=dict(Counter(whole.kinds) + Counter(part.kinds)),
            by_caller=callers,
            by_second=tuple(
                a + b for a, b in zip_longest(whole.by_second, part.by_second, fillvalue=Counts())
            ),
            latency_by_second=_latencies(whole, part),
        )
    return whole


def _latencies(one: SideWindow, other: SideWindow) -> tuple[tuple[int, ...], ...]:
    """The sums second by second; those of the side that was timed, if only one was."""
    if not one.bounds or one.bounds != other.bounds:
        return one.latency_by_second if one.bounds else other.latency_by_second
    return tuple(
        tuple(a + b for a, b in zip(left, right, strict=True)) if left and right else left or right
        for left, right in zip_longest(one.latency_by_second, other.latency_by_second, fillvalue=())
    )


def _least(values: Iterable[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)
