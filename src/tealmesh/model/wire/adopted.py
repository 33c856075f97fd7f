"""The structures of our own API for services that others made; see `model.wire`."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class ToldSide(TypedDict):
    """What is told of one side of a service that others made."""

    ecsService: NotRequired[str]
    """The ECS service that runs its tasks, CLUSTER/NAME or NAME."""
    virtualNode: NotRequired[str]


class SideDescription(TypedDict):
    """What one side of a service consists of."""

    side: str
    virtualNode: str
    exists: bool
    """Whether its virtual node exists; a deployment makes one that does not."""
    cluster: NotRequired[str]
    ecsService: NotRequired[str]
    """Absent if none is known."""
    taskDefinition: NotRequired[str]
    """ARN of what its ECS service runs; absent without one."""
    image: NotRequired[str]
    """The application's image in it."""
    weight: int


class ServiceDescription(TypedDict):
    """What a service consists of."""

    name: str
    mesh: str
    hostname: str
    container: NotRequired[str]
    """The container that runs the application; absent if that is not clear."""
    routes: NotRequired[list[str]]
    """The routes whose weights are shifted together; absent if that is not clear."""
    sides: list[SideDescription]
    problem: NotRequired[str]
    """Why it cannot be deployed; absent if it can."""


class AdoptInput(TypedDict):
    """Input of Adopt."""

    service: str
    sides: NotRequired[dict[str, ToldSide]]
    container: NotRequired[str]
    route: NotRequired[str]
    """As one of `routes`."""
    routes: NotRequired[list[str]]
    """The routes whose weights are shifted together."""
    cleanUp: NotRequired[str]
    """stop: the ECS service of a side without weight stays, without tasks; delete: nothing does."""


class AdoptOutput(TypedDict):
    """Output of Adopt."""

    service: ServiceDescription


class GetServiceInput(TypedDict):
    """Input of GetService."""

    service: str


class GetServiceOutput(TypedDict):
    """Output of GetService."""

    service: ServiceDescription
