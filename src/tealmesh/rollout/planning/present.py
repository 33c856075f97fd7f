"""The traffic that a service gets, by which the times of its next deployment are expected. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tealmesh.model.rollout import Traffic
from tealmesh.rollout.gates.preflight import LEAST_SECONDS
from tealmesh.rollout.planning.past import Past, Portion, portion


@dataclass(frozen=True)
class Present:
    """What callers saw of a service lately."""

    rate: float | None = None
    """Requests a second, to all of its sides; None if too little was seen to tell."""
    whole: Portion = field(default_factory=Portion)
    """All of the requests."""
    timed: float = 1.0
    """The share of the answers whose latency was measured, 0 to 1."""
    portions: Mapping[str, Portion] = field(default_factory=dict)
    """By name, each part whose share is known."""
    phi: Mapping[str, float] = field(default_factory=dict)
    """By metric of the comparison, how much bad requests come in bursts: 1 for one by one."""

    def of(self, part: str) -> Portion | None:
        """A part of the requests; None if it has not been counted."""
        return self.portions.get(part)


def present(
    serving: Traffic, others: Iterable[Traffic] = (), before: Past | None = None
) -> Present:
    """``serving``: what callers saw of the side that serves; ``others``: of the other sides, which
    may have served a moment ago. ``before``: what earlier deployments tell.
    """
    before = before or Past()
    sides = (serving, *others)
    requests = sum(side.requests for side in sides)
    failing = serving.failures / serving.requests if serving.requests else 0.0
    counted = {
        name: portion(one.counts, serving.requests, one.counts)
        for name, one in serving.parts.items()
        if serving.requests
    }
    seconds = max(side.seconds for side in sides)
    return Present(
        rate=requests / seconds if seconds >= LEAST_SECONDS else None,
        whole=Portion(1.0, failing),
        timed=min(1.0, serving.timed / serving.requests)
        if serving.requests and serving.timed
        else 1.0,
        portions={**counted, **before.portions},
        phi=before.phi,
    )


def rate(traffic: Traffic) -> float | None:
    """Requests a second; None if too little was seen to tell."""
    return traffic.requests / traffic.seconds if traffic.seconds >= LEAST_SECONDS else None
