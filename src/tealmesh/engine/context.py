"""What the engine is given, and the times it keeps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tealmesh.engine.runtimes.base import Runtime
from tealmesh.engine.scheduler.plan import Policy
from tealmesh.model.arn import DEFAULT_REGION
from tealmesh.model.clock import Clock, NewId
from tealmesh.model.load_balancers import HealthOf, InFlightOf
from tealmesh.store.store import Store
from tealmesh.supervision.supervisor import Supervisor

Converged = Callable[[str, int, float], Awaitable[bool]]
"""``(mesh, revision, timeout)``: wait at most ``timeout`` seconds for every Envoy of the mesh to
acknowledge the revision; return whether all did.
"""

ClientOf = Callable[[str, str], Any]
"""``(service, region)``: a boto3 client of our own port; an empty region means our own. Its calls
block.
"""


@dataclass(frozen=True)
class Times:
    """Times in seconds."""

    start: float = 60.0
    """Until a task must be ready."""
    stop: float = 30.0
    """Between SIGTERM and SIGKILL for a container without a stopTimeout; ECS's default."""
    drain: float = 15.0
    """At most for a task's last requests where nothing else is said (`engine.task.draining`); App
    Mesh's default request timeout."""
    converge: float = 15.0
    """At most for the Envoys to acknowledge a change."""
    look: float = 0.1
    """Between two looks at something that cannot notify us."""
    settle: float = 0.2
    """Between two looks at a task's active requests."""
    callers: float = 2.0
    """Between two looks at what callers' Envoys say of their hosts."""
    targets: float = 1.0
    """Between two looks at the health of a running task's targets."""
    down: float = 100.0
    """At most for all tasks to stop with the control plane."""
    keep_stopped: float = 3600.0
    """How long stopped tasks are shown, as in ECS."""


@dataclass(frozen=True)
class EngineContext:
    """What every part of the engine uses."""

    store: Store
    runtime: Runtime
    clock: Clock
    new_id: NewId
    converged: Converged
    client: ClientOf
    """For what the engine itself asks of other AWS services."""
    target_health: HealthOf
    in_flight: InFlightOf
    data_dir: Path
    """The files of a task are in ``data_dir/tasks/ID``."""
    region: str = DEFAULT_REGION
    barred: Callable[[str], str] = lambda task: ""
    """ARN of a task -> why its Envoy gets no configuration; empty if it may have it."""
    times: Times = field(default_factory=Times)
    policy: Policy = field(default_factory=Policy)
    supervisor: Supervisor = field(default_factory=Supervisor)

    def files(self, task_id: str) -> Path:
        """The directory of a task's files."""
        return self.data_dir / "tasks" / task_id
