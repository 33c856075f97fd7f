"""Runs a control plane in production: `teal serve`, of which there may be several on one database.

Begin with `run`, then `app.parts.together`. Design note 049.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator

from tealmesh.app.host import keys, listen, unusable
from tealmesh.app.parts.ground import Ground
from tealmesh.app.parts.together import in_production
from tealmesh.app.running import run_parts
from tealmesh.app.settings import AppInfo as AppInfo
from tealmesh.app.settings import ServeConfig as ServeConfig
from tealmesh.app.transport.tls import beyond_loopback
from tealmesh.app.troubles import TroubleLog
from tealmesh.model.clock import system_clock
from tealmesh.model.identity import directory
from tealmesh.model.plane.locks import Holder, held
from tealmesh.store import Store
from tealmesh.store.database.opening import file_of
from tealmesh.supervision.supervisor import Supervisor


async def run(
    config: ServeConfig,
    *,
    ready: Callable[[AppInfo], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run a control plane until ``stop`` is set. Raises TealError, which says what to do, if it
    cannot start.
    """
    with (
        alone(config.database, config.port),
        listen(config.port, "--port") as listener,
        beyond_loopback(config.listening) as beyond,
    ):
        directory.make(config.data_dir)
        store = await asyncio.to_thread(Store.open, config.database)
        try:
            log = TroubleLog(store)
            supervisor = Supervisor(system_clock, told=log.tell)
            ended = stop or asyncio.Event()
            signing = keys(config.data_dir)
            ground = Ground(config, store, ended, supervisor, signing, log, beyond)
            plane, cloud = in_production(ground, config)

            def started() -> None:
                if ready is not None:
                    ready(AppInfo(ground.endpoint, config.data_dir, cloud.summary))

            await run_parts(ground, plane, listener, started)
        finally:
            store.close()


@contextlib.contextmanager
def alone(database: str, port: int) -> Iterator[None]:
    """Lock a database of SQLite, which is for one control plane: another would not see what this
    one writes. Those of servers are for many. Raises TealError if it is locked.
    """
    file = file_of(database)
    if file is None:
        yield
        return
    path = file.absolute()
    try:
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise unusable(path.parent, error, "--database") from error

    def refused(by: Holder) -> str:
        return f"another control plane uses {path}{by}: several need PostgreSQL (--database URL)"

    with held(descriptor, refused, port):
        yield
