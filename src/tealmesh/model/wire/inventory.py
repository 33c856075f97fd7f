"""What there is beside services with sides, as GetStatus answers it: part of `model.wire`."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class MeshStatus(TypedDict):
    """A mesh and its Envoys."""

    name: str
    envoys: int
    """Number of Envoys that are connected or expected to connect."""
    connected: int
    rejected: int
    """How many have rejected resources."""


class NodeStatus(TypedDict):
    """A virtual node, its tasks, and the traffic that callers saw in the window."""

    virtualNode: str
    weight: NotRequired[int]
    """Its weight in the route; absent where the node is the provider itself."""
    ecsServices: NotRequired[list[str]]
    """CLUSTER/NAME of the ECS services that run its tasks."""
    image: NotRequired[str]
    """The application's image; absent if no task is known."""
    running: int
    desired: int
    healthy: int
    """Number of running tasks that are not unhealthy."""
    requests: NotRequired[int]
    errors: NotRequired[int]
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


class VirtualServiceStatus(TypedDict):
    """A virtual service without weighted targets."""

    name: str
    mesh: str
    provider: NotRequired[str]
    """virtualNode/NAME or virtualRouter/NAME; absent without a provider."""
    nodes: list[NodeStatus]


class EcsServiceStatus(TypedDict):
    """An ECS service."""

    name: str
    cluster: str
    resource: NotRequired[str]
    """What its Envoy stands for, as mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME;
    absent without an Envoy.
    """
    image: NotRequired[str]
    """The application's image."""
    running: int
    desired: int
    reason: NotRequired[str]
    """Why tasks are missing: the reason of the last task that stopped by itself; absent if none
    did.
    """
    gaveUp: NotRequired[bool]
    """True if ECS's deployment circuit breaker has stopped starting tasks."""


class TaskStatus(TypedDict):
    """A task that belongs to no ECS service."""

    task: str
    """Its ARN."""
    cluster: str
    taskDefinition: str
    """FAMILY:REVISION."""
    status: str
    """Its lastStatus."""
    resource: NotRequired[str]
    """What its Envoy stands for; absent without an Envoy."""
    image: NotRequired[str]
    """The application's image."""


class MemberWithoutEffect(TypedDict):
    """A member of an ECS resource that is kept and does nothing here."""

    resource: str
    member: str
    reason: str


class ListMembersWithoutEffectOutput(TypedDict):
    """What ListMembersWithoutEffect answers."""

    members: list[MemberWithoutEffect]


class GatewayStatus(TypedDict):
    """The state of one virtual gateway."""

    name: str
    mesh: NotRequired[str]
    address: str
    port: int
    running: int
    desired: NotRequired[int]
    reason: NotRequired[str]
    """Why tasks are missing: the reason of the last task that stopped by itself; absent if none
    did.
    """
    gaveUp: NotRequired[bool]
    """True if ECS's deployment circuit breaker has stopped starting tasks."""
    ecsServices: NotRequired[list[str]]
    """CLUSTER/NAME of the ECS services that run its tasks."""
    addresses: NotRequired[list[str]]
    """URLs at which it answers on this machine."""
    removing: NotRequired[bool]
    """Present while it is being removed."""
    routes: NotRequired[dict[str, str]]
    """The service to which each path prefix leads; absent where others made the gateway."""
