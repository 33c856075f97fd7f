"""What GetStatus tells of the health of tasks: part of `model.wire`."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class HealthOpinion(TypedDict):
    """What one of those who look at a task says of it."""

    source: str
    """``containers`` (ECS's health checks), ``envoy`` (the task's own Envoy answers), ``caller``
    (a caller's Envoy: active health checks, outlier detection) or ``load balancer``."""
    who: str
    """The caller's virtual node or gateway, the load balancer's target group."""
    healthy: bool
    since: float
    problem: NotRequired[str]
    """What the task does wrong; absent if it is healthy."""


class TaskHealth(TypedDict):
    """A running task as everybody sees it."""

    task: str
    """Its id."""
    ecsService: NotRequired[str]
    """CLUSTER/NAME; absent without one."""
    resource: NotRequired[str]
    """What its Envoy stands for; absent without an Envoy."""
    usable: NotRequired[bool]
    """Whether some caller or load balancer sends requests to it; absent if none knows it."""
    unusableSeconds: NotRequired[float]
    """For how long no caller has been able to use it; absent if one can."""
    opinions: list[HealthOpinion]
