"""The engine's private state of a task: its phase, and what must survive a restart. Pure.

ECS's own members of a task's document (`TaskBody`) show clients how far the task is; the engine
keeps its own finer account beside them, under ``teal``. Only this module knows how that is spelled:
everybody else reads a `TaskState` and writes one back.

    state = TaskState.of(body)
    replace(state, phase=Phase.DRAIN).write(body)

The stored names are a format: a data directory outlives the version that wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, cast

from tealmesh.model.ecs.bodies import KeptDefinition

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import ContainerHandle, TaskBody, TaskEnvoy, TaskTarget, TaskTeal


class Phase(StrEnum):
    """The phases of a task's life, in order. A task that fails, or is stopped without draining,
    goes to HALT from wherever it is.
    """

    PREPARE = "PREPARE"
    """Choose its addresses, keep what is needed of the task definition."""
    START = "START"
    """Start its containers, in the order of their dependencies."""
    AWAIT_READY = "AWAIT_READY"
    """Wait until containers and Envoy are healthy and listen."""
    AWAIT_CALLERS = "AWAIT_CALLERS"
    """Registered; wait until its callers' Envoys would send to it."""
    RUN = "RUN"
    DRAIN = "DRAIN"
    """Marked as draining; wait for the requests that it still serves."""
    DEREGISTER = "DEREGISTER"
    """Removed from Cloud Map; wait until the callers' Envoys know."""
    HALT = "HALT"
    """Stop its containers and release its network."""
    STOPPED = "STOPPED"

    @property
    def last_status(self) -> str:
        """What ECS calls the phase
        (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html).
        """
        return _LAST_STATUS[self]

    @property
    def serving(self) -> bool:
        """Whether the task may be given requests, or still answers some."""
        return self in (Phase.RUN, Phase.DRAIN, Phase.DEREGISTER)

    @property
    def may_send(self) -> bool:
        """Whether the task's applications may send requests: its containers may run."""
        return self.all_started or self is Phase.START

    @property
    def all_started(self) -> bool:
        """Whether every container of the task has been started and none deliberately stopped."""
        return self.serving or self in (Phase.AWAIT_READY, Phase.AWAIT_CALLERS)


_LAST_STATUS = {
    Phase.PREPARE: "PROVISIONING",
    Phase.START: "PENDING",
    Phase.AWAIT_READY: "ACTIVATING",
    Phase.AWAIT_CALLERS: "ACTIVATING",
    Phase.RUN: "RUNNING",
    Phase.DRAIN: "DEACTIVATING",
    Phase.DEREGISTER: "DEACTIVATING",
    Phase.HALT: "STOPPING",
    Phase.STOPPED: "STOPPED",
}


@dataclass(frozen=True)
class TaskState:
    """The engine's state of one task, as its document has it."""

    phase: Phase = Phase.PREPARE
    failed: bool = False
    """The task ended, or was stopped, through its own fault."""
    quick: bool = False
    """Stop it without draining: everything that could send to it is stopped too."""
    envoy: TaskEnvoy | None = None
    """The mesh resource that its Envoy stands for; None without an Envoy."""
    definition: KeptDefinition = field(default_factory=KeptDefinition)
    """Copied when the task was prepared, as its revision may be deleted; empty before."""
    role: str = ""
    """ARN of the task role; empty without one."""
    handles: Mapping[str, ContainerHandle] = field(default_factory=dict)
    """The runtime's handles of the started containers, by container name."""
    address: str = ""
    """Where the task is reached: what Cloud Map lists and its Envoy binds. Empty until chosen."""
    app_address: str = ""
    """Where its applications listen."""
    pid: int = 0
    """A process in the task's network namespace; 0 for a task in the machine's own."""
    addressed: int = 0
    """Store revision at which the addresses were chosen from the machine's."""
    registered: tuple[str, ...] = ()
    """Ids of the Cloud Map services that list the task."""
    registered_at: int = 0
    """Store revision of that registration."""
    targets: tuple[TaskTarget, ...] = ()
    """What load balancers know the task as."""
    keyed: bool = False
    """Whether its containers have secrets of their own, as all since the master key."""

    @classmethod
    def of(cls, body: TaskBody) -> TaskState:
        """Read the state. A stopped task is STOPPED whatever phase was noted before."""
        teal = body.get("teal", {})
        stopped = body["lastStatus"] == Phase.STOPPED.last_status
        return cls(
            phase=Phase.STOPPED if stopped else Phase(teal.get("phase", Phase.PREPARE)),
            failed=teal.get("failed", False),
            quick=teal.get("quick", False),
            envoy=teal.get("envoy"),
            definition=teal.get("definition", {}),
            role=teal.get("role", ""),
            handles=teal.get("handles", {}),
            address=teal.get("address", ""),
            app_address=teal.get("appAddress", ""),
            pid=teal.get("pid", 0),
            addressed=teal.get("addressed", 0),
            registered=tuple(teal.get("registered", ())),
            registered_at=teal.get("registeredAt", 0),
            targets=tuple(teal.get("targets", ())),
            keyed=teal.get("keyed", False),
        )

    def write(self, body: TaskBody) -> None:
        """Write the state to a document in the making, with the ``lastStatus`` of a new phase.

        Only members that differ are written: the others stay as an earlier version left them.
        """
        before = TaskState.of(body)
        if self.phase is not before.phase:
            body["lastStatus"] = self.phase.last_status
        old = dict(before._stored())
        changed = {
            member: value for member, value in self._stored().items() if value != old[member]
        }
        # A comprehension over a TypedDict's members forgets their types.
        body["teal"] = cast("TaskTeal", {**body.get("teal", {}), **changed})

    def _stored(self) -> TaskTeal:
        return {
            "phase": self.phase.value,
            "failed": self.failed,
            "quick": self.quick,
            "envoy": self.envoy,
            "definition": self.definition,
            "role": self.role,
            "handles": dict(self.handles),
            "address": self.address,
            "appAddress": self.app_address,
            "pid": self.pid,
            "addressed": self.addressed,
            "registered": list(self.registered),
            "registeredAt": self.registered_at,
            "targets": list(self.targets),
            "keyed": self.keyed,
        }
