"""Services with sides, as GetStatus answers them: part of `model.wire`."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from tealmesh.model.wire.deployments import Deployment, GateVerdict, KeptSide, ServiceLock


class SideStatus(TypedDict):
    """The state of one side of a service: its virtual node, its ECS service, and the traffic that
    callers saw in the window.
    """

    side: str
    virtualNode: NotRequired[str]
    image: NotRequired[str]
    """The image of the side's ECS service; absent without one."""
    weight: int
    share: NotRequired[float]
    """The side's share of the requests in the window, 0 to 1; absent without requests."""
    running: int
    desired: int
    healthy: int
    """Running tasks that are healthy, registered in Cloud Map, and can be used by callers."""
    pending: NotRequired[int]
    """Number of desired tasks that do not run the current task definition yet; absent if all do."""
    requests: NotRequired[int]
    errors: NotRequired[int]
    errorKinds: NotRequired[dict[str, int]]
    """The errors by kind, such as ``timed out`` or ``gone``; absent without any."""
    p50: NotRequired[float]
    """Milliseconds; absent without requests."""
    p99: NotRequired[float]
    """Milliseconds; absent without requests."""
    reason: NotRequired[str]
    """Why tasks are missing: the reason of the last task that stopped by itself; absent if none
    did.
    """
    gaveUp: NotRequired[bool]
    """True if ECS's deployment circuit breaker has stopped starting tasks."""
    ecsService: NotRequired[str]
    """CLUSTER/NAME of the side's ECS service; absent if none is known."""


class ReleaseStep(TypedDict):
    """Where a service is among the four steps of a release made by hand."""

    step: int
    """How many of them have been done: 0 to 3."""
    summary: str
    """In words, for people."""
    following: str
    """The next step, for people."""
    safe: bool
    """Whether the next step loses no request."""
    verdicts: NotRequired[list[GateVerdict]]
    """What that was judged by."""


class ServiceStatus(TypedDict):
    """The state of one service with sides: of teal.toml, or a virtual service whose router has
    weighted targets.
    """

    name: str
    mesh: str
    hostname: str
    port: int
    image: NotRequired[str]
    """The image of the side with the most weight."""
    sides: list[SideStatus]
    deployment: NotRequired[Deployment]
    """The running deployment, or else the latest; absent before the first."""
    problem: NotRequired[str]
    """Why the service cannot be deployed, with what to do; absent if it can."""
    release: NotRequired[ReleaseStep]
    """Absent while a deployment runs, and where the service is not between the steps."""
    removing: NotRequired[bool]
    """Present while it is being removed."""
    lock: NotRequired[ServiceLock]
    """Present while the service is locked against deployments."""
    kept: NotRequired[KeptSide]
    """Present while a side without weight is kept running for a way back."""
    toldCount: NotRequired[int]
    """Tasks of a side by teal.toml; absent unless the side that serves has another desired count.
    """
