"""The health of tasks as everybody sees it: one picture of what ECS, the task's own Envoy, its
callers' Envoys and load balancers say. Pure.

Only callers decide whether a task can be used, since it is they who send to it or not: a container
that ECS calls healthy may answer none of their checks, and one without any check may be perfect.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

CHECK_FAILED = "fails the health check"
EJECTED = "is ejected after server errors"
_PREPOSITIONS = {CHECK_FAILED: "of", EJECTED: "by"}


class Source(StrEnum):
    """Who says how a task is."""

    CONTAINERS = "containers"
    """ECS, by the containers' health checks."""
    ENVOY = "envoy"
    """The task's own Envoy, by its answering at all."""
    CALLER = "caller"
    """The Envoy of a caller, by its active health checks and outlier detection."""
    LOAD_BALANCER = "load balancer"

    @property
    def sends(self) -> bool:
        """Whether it would send requests to the task."""
        return self in (Source.CALLER, Source.LOAD_BALANCER)


@dataclass(frozen=True)
class Opinion:
    """What one of them says of one task."""

    source: Source
    who: str
    """A virtual node or gateway for a caller, else what the source calls itself."""
    healthy: bool
    since: float
    """Epoch seconds."""
    problem: str = ""
    """What the task does wrong: "fails the health check"; empty if it is healthy."""


@dataclass(frozen=True)
class TaskHealth:
    """One running task."""

    task: str
    """Its id."""
    cluster: str
    service: str
    """Its ECS service; empty without one."""
    resource: str
    """``mesh/M/virtualNode/N`` that its Envoy stands for; empty without an Envoy."""
    opinions: tuple[Opinion, ...]
    unusable_seconds: float | None = None
    """For how long no caller has been able to use it; None if one can, or none could be asked."""

    @property
    def usable(self) -> bool | None:
        """Whether a caller can use it; None if no caller knows it."""
        said = [opinion.healthy for opinion in self.opinions if opinion.source.sends]
        return any(said) if said else None

    @property
    def why(self) -> str:
        """Why no caller can use it, in words; empty if one can."""
        return unusable_words(self.opinions) if self.usable is False else ""


@dataclass(frozen=True)
class Unusable:
    """A task that no caller can use."""

    seconds: float
    """For how long."""
    why: str
    """In words."""


def unusable_words(opinions: Sequence[Opinion]) -> str:
    """Who cannot use a task, and why: "it fails the health check of front (2 Envoys)"."""
    bad = [one for one in opinions if one.source.sends and not one.healthy]
    parts = []
    for problem in dict.fromkeys(one.problem for one in bad):
        counted = Counter(_caller(one) for one in bad if one.problem == problem)
        named = ", ".join(
            who if count == 1 else f"{who} ({count} Envoys)" for who, count in counted.items()
        )
        parts.append(f"it {problem} {_PREPOSITIONS.get(problem, 'for')} {named}")
    return "; ".join(parts)


def _caller(opinion: Opinion) -> str:
    balancer = opinion.source is Source.LOAD_BALANCER
    return f"load balancer {opinion.who}" if balancer else opinion.who
