"""``teal up`` in which each worker fails the first times that it works, then works.

    python -m tests.e2e.failing_plane DATA_DIR PORT XDS_PORT CONFIG TIMES

Every failure is an error that no code of ours expects.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tealmesh.app.feed
import tealmesh.app.parts.machine
import tealmesh.app.parts.plane
import tealmesh.app.parts.streams
from tealmesh.apis.appmesh.certificates import Certificates
from tealmesh.apis.elasticloadbalancing.feed import Feed
from tealmesh.app.control_plane import AppConfig, run
from tealmesh.engine.engine import Engine
from tealmesh.engine.load_balancers.fleet import Fleet
from tealmesh.engine.runtimes.docker.network.names import HostsFiles
from tealmesh.engine.service_worker import ServiceWorker
from tealmesh.engine.task.log_shipping import LogKeeper
from tealmesh.engine.task.probes import Probes
from tealmesh.engine.task.worker import TaskWorker
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.drivers.api import ApiDriver
from tealmesh.rollout.metrics.windows import Metrics
from tealmesh.rollout.notices.sending import Sending
from tealmesh.rollout.performer import Performer
from tealmesh.rollout.running.work import Work
from tealmesh.store.meshes import Meshes
from tealmesh.xds.streams.cache import AdsCache

WORKERS: tuple[tuple[Any, str], ...] = (
    (tealmesh.app.parts.streams, "feed"),
    (tealmesh.app.parts.plane, "end_grace"),
    (tealmesh.app.parts.machine, "end_draining"),
    (Meshes, "read"),
    (Certificates, "run"),
    (Feed, "run"),
    (Fleet, "run"),
    (HostsFiles, "run"),
    (Engine, "run"),
    (Engine, "_dispatch_task"),
    (Engine, "_dispatch_service"),
    (Engine, "_forget_stopped"),
    (ServiceWorker, "run"),
    (TaskWorker, "run"),
    (Probes, "envoy_ready"),
    (LogKeeper, "_process"),
    (AdsCache, "refresh"),
    (Metrics, "report"),
    (Controller, "run"),
    (Work, "_work_to_the_end"),
    (Sending, "run"),
    (Performer, "look"),
    (Performer, "_await_converged"),
    (Performer, "_observed"),
    (ApiDriver, "set_weights"),
    (ApiDriver, "stop_side"),
)
"""What fails: where it is found, and its name."""


def flaky(owner: Any, name: str, times: int) -> None:
    """Let ``owner.name`` fail the first ``times`` times, when it is called or, if it is a
    coroutine, when it is awaited.
    """
    real: Callable[..., Any] = getattr(owner, name)
    left: Iterator[int] = iter(range(times))

    def check() -> None:
        for _ in left:
            raise LookupError(f"injected into {name}")

    if asyncio.iscoroutinefunction(real):

        @functools.wraps(real)
        async def failing(*arguments: Any, **named: Any) -> Any:
            check()
            return await real(*arguments, **named)
    else:

        @functools.wraps(real)
        def failing(*arguments: Any, **named: Any) -> Any:
            check()
            return real(*arguments, **named)

    setattr(owner, name, failing)


def main() -> None:
    data_dir, port, xds_port, config, times = sys.argv[1:]
    for owner, name in WORKERS:
        flaky(owner, name, int(times))
    asyncio.run(
        run(
            AppConfig(
                data_dir=Path(data_dir),
                port=int(port),
                xds_port=int(xds_port),
                config_file=Path(config),
            )
        )
    )


if __name__ == "__main__":
    main()
