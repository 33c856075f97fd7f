"""What the engine is given, and the times that it keeps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tealmesh.engine.runtimes.base import Runtime
from tealmesh.engine.scheduler.plan import Policy
from tealmesh.model.arn import DEFAULT_REGION
from tealmesh.model.clock import Clock, NewId
from tealmesh.store.store import Store

Converged = Callable[[str, int, float], Awaitable[bool]]
"""``(mesh, revision, timeout)``: wait until every Envoy of the mesh has acknowledged the revision,
at most ``timeout`` seconds; whether they have.
"""

ClientOf = Callable[[str, str], Any]
"""``(service, region)``: a boto3 client of our own port, in our own region for an empty one.
Its calls block.
"""


@dataclass(frozen=True)
class Times:
    """Times in seconds.

    ``start``: until a task must be ready; ``stop``: between SIGTERM and SIGKILL where a container
    names no stopTimeout (ECS's default); ``drain``: at most for a task's last requests, App Mesh's
    default request timeout; ``converge``: at most for the Envoys to acknowledge a change; ``look``:
    between two looks at something that cannot tell by itself; ``settle``: between two looks at a
    task's active requests; ``keep_stopped``: as long as ECS shows stopped tasks.
    """

    start: float = 60.0
    stop: float = 30.0
    drain: float = 15.0
    converge: float = 15.0
    look: float = 0.1
    settle: float = 0.2
    keep_stopped: float = 3600.0


@dataclass(frozen=True)
class EngineContext:
    """``endpoint``: URL of our AWS front; ``xds_address``: HOST:PORT of the ADS server, and
    ``xds_token`` what it asks for; ``data_dir``: tasks' files go to ``data_dir/tasks/ID``;
    ``client``: makes clients for what the engine itself asks of AWS's other services;
    ``envoy``: path of the Envoy binary, found when None. ``xds_socket``: a Unix socket on which the
    ADS server listens too, alone in its directory, for Envoys in network namespaces of their own.
    """

    store: Store
    runtime: Runtime
    clock: Clock
    new_id: NewId
    converged: Converged
    client: ClientOf
    endpoint: str
    xds_address: str
    xds_token: str
    data_dir: Path
    region: str = DEFAULT_REGION
    envoy: str | None = None
    xds_socket: Path | None = None
    times: Times = field(default_factory=Times)
    policy: Policy = field(default_factory=Policy)
