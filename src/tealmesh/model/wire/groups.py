"""Group deployments in Tealmesh's own API: requests and answers. The API's model documents what is
not said here.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from tealmesh.model.wire.deployments import Deployment
from tealmesh.model.wire.planning import PlanDeploymentOutput


class GroupMember(TypedDict):
    """A service in a group deployment."""

    service: str
    image: str
    after: list[str]
    """The services that have all their weight before this one takes any."""
    deployment: NotRequired[Deployment]
    """Its own deployment."""


class GroupEntry(TypedDict):
    """One transition of a group deployment."""

    sequence: int
    """Counts from 1."""
    at: float
    transition: str
    """The state entered, or PAUSED or UNPAUSED."""
    message: str


class GroupDeployment(TypedDict):
    """Several services that go to new versions together."""

    groupDeploymentId: str
    group: str
    number: int
    """Counts the deployments of the group, from 1."""
    kind: str
    """DEPLOY for other versions, ROLLBACK for those before."""
    status: str
    state: str
    """PREPARING, SHIFTING, FINISHING, ROLLING_BACK, or how it ended."""
    startedBy: str
    members: list[GroupMember]
    """In the order in which they take weight."""
    sentence: str
    """Where it is, and what comes next, for people."""
    waitingFor: NotRequired[str]
    """What it waits for; absent if nothing holds it up."""
    held: NotRequired[list[str]]
    """The services whose deployments are held for a person; absent if none is."""
    reason: NotRequired[str]
    """Why it went back or was stopped; absent otherwise."""
    endedBy: NotRequired[str]
    """Who has aborted it or given it up; absent if nobody has."""
    pausedBy: NotRequired[str]
    """Who has paused it; absent while it is not paused."""
    journal: list[GroupEntry]
    createdAt: float
    updatedAt: float
    finishedAt: NotRequired[float]


class Group(TypedDict):
    """A group of services."""

    name: str
    services: list[str]
    dependsOn: dict[str, list[str]]
    """By service, those of the group that it depends on, also through others."""
    latest: NotRequired[GroupDeployment]
    """The deployment that runs or was the last; absent before the first."""


class DeployGroupInput(TypedDict):
    """Input of DeployGroup."""

    group: str
    images: dict[str, str]
    clientToken: NotRequired[str]
    force: NotRequired[bool]


class DeployGroupOutput(TypedDict):
    """What DeployGroup answers."""

    groupDeployment: GroupDeployment
    notes: list[str]
    """What the deployments will have to wait for, as far as that is known, for people."""


class PlanGroupInput(TypedDict):
    """Input of PlanGroup."""

    group: str
    images: dict[str, str]
    force: NotRequired[bool]


class PlanGroupOutput(TypedDict):
    """What PlanGroup answers."""

    group: str
    starts: bool
    """Whether the deployment would start."""
    order: list[str]
    """The services in the order in which they take weight."""
    plans: list[PlanDeploymentOutput]
    """What each of them would do, in that order."""


class GetGroupDeploymentInput(TypedDict):
    """Input of GetGroupDeployment."""

    group: str
    groupDeploymentId: NotRequired[str]


class GetGroupDeploymentOutput(TypedDict):
    """What GetGroupDeployment answers."""

    groupDeployment: GroupDeployment


class ListGroupsInput(TypedDict):
    """Input of ListGroups."""


class ListGroupsOutput(TypedDict):
    """What ListGroups answers."""

    groups: list[Group]


class ListGroupDeploymentsInput(TypedDict):
    """Input of ListGroupDeployments."""

    group: str


class ListGroupDeploymentsOutput(TypedDict):
    """What ListGroupDeployments answers."""

    groupDeployments: list[GroupDeployment]
    """Newest first."""


class ApproveGroupInput(TypedDict):
    """Input of ApproveGroup."""

    group: str


class ApproveGroupOutput(TypedDict):
    """What ApproveGroup answers."""

    groupDeployment: GroupDeployment


class PromoteGroupInput(TypedDict):
    """Input of PromoteGroup."""

    group: str
    full: NotRequired[bool]


class PromoteGroupOutput(TypedDict):
    """What PromoteGroup answers."""

    groupDeployment: GroupDeployment


class PauseGroupInput(TypedDict):
    """Input of PauseGroup."""

    group: str


class PauseGroupOutput(TypedDict):
    """What PauseGroup answers."""

    groupDeployment: GroupDeployment


class ResumeGroupInput(TypedDict):
    """Input of ResumeGroup."""

    group: str


class ResumeGroupOutput(TypedDict):
    """What ResumeGroup answers."""

    groupDeployment: GroupDeployment


class AbortGroupInput(TypedDict):
    """Input of AbortGroup."""

    group: str
    giveUp: NotRequired[bool]


class AbortGroupOutput(TypedDict):
    """What AbortGroup answers."""

    groupDeployment: GroupDeployment


class RetryGroupInput(TypedDict):
    """Input of RetryGroup."""

    group: str
    clientToken: NotRequired[str]


class RetryGroupOutput(TypedDict):
    """What RetryGroup answers."""

    groupDeployment: GroupDeployment


class RollbackGroupInput(TypedDict):
    """Input of RollbackGroup."""

    group: str
    gradual: NotRequired[bool]


class RollbackGroupOutput(TypedDict):
    """What RollbackGroup answers."""

    groupDeployment: GroupDeployment
    message: NotRequired[str]
    """Why nothing had to be done; absent if something was."""
