"""Runs a control plane in production: `teal serve`, of which there may be several on one database.

Begin with `run`, then `app.parts.together`. Design note 049.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from tealmesh.app.host import keys, listen, locked, secret, unusable
from tealmesh.app.parts.ground import Ground
from tealmesh.app.parts.together import in_production
from tealmesh.app.running import run_parts
from tealmesh.app.settings import AppInfo as AppInfo
from tealmesh.app.settings import ServeConfig as ServeConfig
from tealmesh.app.transport.tls import beyond_loopback
from tealmesh.app.troubles import TroubleLog
from tealmesh.model.clock import system_clock
from tealmesh.model.errors import TealError
from tealmesh.model.identity import rings
from tealmesh.model.identity.issued import FILE, owner
from tealmesh.store import Store
from tealmesh.supervision.supervisor import Supervisor

_CREATING = "creating"
"""The file that is locked while secrets are made: replicas may start at the same time."""


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
        alone(config.database),
        listen(config.port, "--port") as listener,
        beyond_loopback(config.listening) as beyond,
    ):
        make_secrets(config.data_dir)
        store = await asyncio.to_thread(Store.open, _place(config.database))
        try:
            log = TroubleLog(store)
            supervisor = Supervisor(system_clock, told=log.tell)
            ended = stop or asyncio.Event()
            secrets = keys(config.data_dir)
            ground = Ground(config, store, ended, supervisor, secrets, log, beyond)
            plane, cloud = in_production(ground, config)

            def started() -> None:
                if ready is not None:
                    ready(AppInfo(ground.endpoint, config.data_dir, cloud.summary))

            await run_parts(ground, plane, listener, started)
        finally:
            store.close()


def make_secrets(directory: Path) -> None:
    """Make the secrets that a directory lacks; one that has all may be mounted read-only. Raises
    TealError if others can read it, or it cannot be used.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if directory.stat().st_mode & 0o027:
            raise TealError(
                f"{directory} is open to others, and keys are in it: run `chmod 700 {directory}`"
            )
        if all((directory / name).exists() for name in (*rings.NAMES, "server-id", FILE)):
            owner(directory)
            return
        with open(directory / _CREATING, "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for name in rings.NAMES:
                rings.made(directory / name)
            secret(directory / "server-id")
            owner(directory)
    except OSError as error:
        raise unusable(directory, error, "--keys") from error


@contextlib.contextmanager
def alone(database: str) -> Iterator[None]:
    """Lock a database of SQLite, which is for one control plane: another would not see what this
    one writes. Those of servers are for many. Raises TealError if it is locked.
    """
    path = _place(database)
    if isinstance(path, str):
        yield
        return
    try:
        descriptor = os.open(f"{path}.lock", os.O_WRONLY | os.O_CREAT, 0o600)
    except OSError as error:
        raise unusable(path.parent, error, "--database") from error
    taken = f"another control plane uses {path}: several need PostgreSQL (--database URL)"
    with locked(descriptor, taken):
        yield


def _place(database: str) -> str | Path:
    """The URL of a database server, or the path of SQLite's file."""
    if "://" not in database:
        return Path(database).absolute()
    scheme, _, rest = database.partition("://")
    return Path(rest).absolute() if scheme == "sqlite" else database
