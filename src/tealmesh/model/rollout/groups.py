"""A group deployment: several services that go to new versions together, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict, cast

from tealmesh.model import said
from tealmesh.model.rollout.states import Kind, Status
from tealmesh.model.teal import known_members

if TYPE_CHECKING:
    from tealmesh.model.rollout.deployment import Deployment
    from tealmesh.model.said import SaidBody

Leave = Literal["PREPARE", "SHIFT", "STAY", "BACK"]
"""What a member may do: everything before its first weight; take weight by its steps; stay at the
weight that it has; give its weight back."""

Awaits = Literal["", "SHIFT", "FINISH"]
"""What a member waits for, all else being done: its first weight, or the end."""


class MembershipBody(TypedDict):
    """A `Membership`."""

    group: str
    deployment: str
    leave: Leave
    awaits: Awaits
    why: str
    called: Sequence[str]


@dataclass(frozen=True)
class Membership:
    """What the deployment of one service knows of its group."""

    group: str
    """The group's name."""
    deployment: str
    """Id of the group's deployment."""
    leave: Leave = "PREPARE"
    awaits: Awaits = ""
    """As last observed."""
    why: str = "the other services to be ready"
    """What it waits for if it may not go on, completing "waiting for …"."""
    called: tuple[str, ...] = ()
    """What a preview's header may say to mean the new side, beside its name."""

    @classmethod
    def from_json(cls, body: MembershipBody | None) -> Membership | None:
        """The membership as a stored deployment has it."""
        if body is None:
            return None
        known = known_members(cls, body)
        known["called"] = tuple(body.get("called", ()))
        return cls(**known)


class GroupState(StrEnum):
    """What a group deployment is doing."""

    PREPARING = "PREPARING"
    """All new sides start and are verified; none has weight."""
    SHIFTING = "SHIFTING"
    """Weights shift, in the order of dependencies."""
    FINISHING = "FINISHING"
    """All have passed: the old sides are stopped. There is no way back any more but another
    deployment."""
    ROLLING_BACK = "ROLLING_BACK"
    """All weights go back, in the opposite order."""
    SUCCEEDED = "SUCCEEDED"
    ROLLED_BACK = "ROLLED_BACK"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"
    """A service cannot serve with either side."""
    STOPPED = "STOPPED"
    """Ended with the services as they are: a person gave up, or one could not follow the others."""


GROUP_STATUSES: Mapping[GroupState, Status] = {
    GroupState.ROLLING_BACK: Status.ROLLBACK_IN_PROGRESS,
    GroupState.SUCCEEDED: Status.SUCCESSFUL,
    GroupState.ROLLED_BACK: Status.ROLLBACK_SUCCESSFUL,
    GroupState.ROLLBACK_FAILED: Status.ROLLBACK_FAILED,
    GroupState.STOPPED: Status.STOPPED,
}
"""The status of each state; IN_PROGRESS for all others."""

ENDED = {
    GroupState.SUCCEEDED,
    GroupState.ROLLED_BACK,
    GroupState.ROLLBACK_FAILED,
    GroupState.STOPPED,
}


class GroupBody(TypedDict):
    """A `Group`."""

    name: str
    services: Sequence[str]
    depends_on: Mapping[str, Sequence[str]]
    directory: str


class GroupMemberBody(TypedDict):
    """A `GroupMember`."""

    service: str
    deployment: str
    image: str


class GroupEntryBody(TypedDict):
    """A `GroupEntry`."""

    sequence: int
    at: float
    transition: str
    message: str


class GroupDeploymentBody(TypedDict):
    """A `GroupDeployment`."""

    id: str
    group: str
    members: Sequence[GroupMemberBody]
    after: Mapping[str, Sequence[str]]
    created_at: float
    updated_at: float
    number: int
    kind: Kind
    actor: str
    client_token: str
    state: str
    reason: str
    paused_by: str
    aborted_by: str
    sequence: int
    journal: Sequence[GroupEntryBody]
    finished_at: float | None
    said: NotRequired[Mapping[str, SaidBody]]
    """By a text, what it is made of."""


@dataclass(frozen=True)
class GroupMember:
    """A service in a group deployment."""

    service: str
    deployment: str
    """Id of its own deployment."""
    image: str


@dataclass(frozen=True)
class GroupEntry:
    """One transition of a group deployment."""

    sequence: int
    """Counts from 1."""
    at: float
    transition: str
    """The state entered, or ``PAUSED`` or ``UNPAUSED``."""
    message: str


@dataclass(frozen=True)
class GroupDeployment:
    """The whole state of a group deployment. Times are epoch seconds."""

    id: str
    group: str
    members: tuple[GroupMember, ...]
    """In the order in which they take weight."""
    after: Mapping[str, tuple[str, ...]]
    """By service, the members that have all their weight before it takes any."""
    created_at: float
    updated_at: float
    number: int = 0
    """Counts the deployments of the group, from 1."""
    kind: Kind = "DEPLOY"
    actor: str = ""
    client_token: str = ""
    state: GroupState = GroupState.PREPARING
    reason: str = ""
    """Why it went back or was stopped, for people."""
    paused_by: str = ""
    aborted_by: str = ""
    """Who has aborted it, also with what is held, or given it up; empty if nobody has."""
    sequence: int = 1
    journal: tuple[GroupEntry, ...] = field(default=())
    finished_at: float | None = None

    @property
    def status(self) -> Status:
        return GROUP_STATUSES.get(self.state, Status.IN_PROGRESS)

    @property
    def finished(self) -> bool:
        return self.state in ENDED

    def before(self, service: str) -> tuple[str, ...]:
        """The members that wait for all the weight of this one: they give theirs back first."""
        return tuple(m.service for m in self.members if service in self.after.get(m.service, ()))

    def to_json(self) -> GroupDeploymentBody:
        """The body that the store keeps."""
        made = asdict(self)
        if told := said.collected([made["reason"], made["journal"]]):
            made["said"] = told
        return cast("GroupDeploymentBody", made)

    @classmethod
    def from_json(cls, body: GroupDeploymentBody) -> GroupDeployment:
        """The group deployment that `to_json` wrote. Members of later versions are ignored."""
        told = body.get("said", {})
        known = known_members(cls, body)
        known["reason"] = said.restored(body.get("reason", ""), told)
        known["state"] = GroupState(body["state"])
        known["members"] = tuple(
            GroupMember(**known_members(GroupMember, m)) for m in body["members"]
        )
        known["after"] = {name: tuple(others) for name, others in body["after"].items()}
        entries = said.restored(body.get("journal", ()), told)
        known["journal"] = tuple(GroupEntry(**known_members(GroupEntry, e)) for e in entries)
        return cls(**known)


@dataclass(frozen=True)
class GroupDescription:
    """A group deployment with its members, and what there is to say of it."""

    deployment: GroupDeployment
    members: Mapping[str, Deployment]
    """By service, with their newest observations."""
    sentence: str
    """Where it is and what comes next, for people."""
    waiting_for: str = ""
    held: tuple[str, ...] = ()
    """The members that are held for a person."""


@dataclass(frozen=True)
class Group:
    """A group as a teal.toml describes it (collection ``teal.group``)."""

    name: str
    services: tuple[str, ...]
    depends_on: Mapping[str, tuple[str, ...]]
    """By service, those of the group that it depends on, also through others."""
    directory: str = ""
    """Of the teal.toml."""

    def to_json(self) -> GroupBody:
        """The body that the store keeps."""
        return cast("GroupBody", asdict(self))

    @classmethod
    def from_json(cls, body: GroupBody) -> Group:
        """The group that `to_json` wrote. Members of later versions are ignored."""
        known = known_members(cls, body)
        known["services"] = tuple(body["services"])
        known["depends_on"] = {n: tuple(others) for n, others in body["depends_on"].items()}
        return cls(**known)
