"""What a control plane needs from its machine: data directory, ports, secrets, HTTP server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shlex
import socket
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from tealmesh.app.lost_state import login
from tealmesh.app.settings import CommonConfig
from tealmesh.app.transport.acceptor import Acceptor
from tealmesh.app.transport.sockets import listen_at
from tealmesh.aws.callers.connections import beyond_loopback, of_owner
from tealmesh.model.errors import TealError
from tealmesh.model.identity import rings
from tealmesh.model.identity.keys import Keys
from tealmesh.model.plane.listening import Address
from tealmesh.model.plane.locks import LOCK, held, taken

OWNER_TOKEN = "xds-token"  # noqa: S105 - the name of a file
"""The file with the token of Envoys that the owner of the machine runs."""
FORMER_TOKEN = "xds-token.former"  # noqa: S105 - the name of a file
"""What ``xds-token`` was under a version without a master key, while tasks run with it."""

HOST = "127.0.0.1"
"""Every server listens on loopback, and what the owner names beside it (`transport`)."""

RESOLVER_HOST = "127.0.0.2"
"""Where Envoys of plain processes find a name server, at the number of the xDS port. Tasks have no
addresses in 127.0.0.0/16."""


def endpoint(config: CommonConfig) -> str:
    """The URL of the API on loopback."""
    return f"http://{HOST}:{config.port}"


class Http(uvicorn.Server):
    """uvicorn on a socket that is already bound, without its signal handlers. ``beyond`` accepts
    what comes in beside it.
    """

    def __init__(
        self, app: ASGIApp, listener: socket.socket, beyond: Acceptor | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=of_owner(os.geteuid()),
                ws="none",
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_keep_alive=75,
                timeout_graceful_shutdown=2,
            )
        )
        self._listener = listener
        self._listening = asyncio.Event()
        self._beyond = beyond
        self._remote = beyond_loopback(os.geteuid())
        self._accepting: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._beyond is not None:
            self._accepting = asyncio.create_task(self._beyond.run(self._begin))
        self._listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._accepting is not None:
            self._accepting.cancel()
        await super().shutdown(sockets)

    def _begin(self) -> asyncio.Protocol:
        return self._remote(self.config, self.server_state, self.lifespan.state)

    async def run_until_stopped(self) -> None:
        await self.serve(sockets=[self._listener])

    async def listening(self) -> None:
        await self._listening.wait()


def keys(data_dir: Path) -> Keys:
    """The secrets of a data directory, made at its first use.

    Under earlier versions ``xds-token`` was in every Envoy and the key of all credentials. It is
    put aside, for tasks that still run with it, and the owner's file gets another.
    """
    master, owner, former = (
        data_dir / name for name in (rings.MASTER_KEY, OWNER_TOKEN, FORMER_TOKEN)
    )
    if owner.exists() and not master.exists():
        owner.replace(former)
    known = former.read_text().strip() if former.exists() else ""
    return Keys(rings.watched(master), rings.watched(owner), known)


def forget_former(data_dir: Path) -> None:
    """Make an earlier version's token worthless: nothing runs with it any more."""
    (data_dir / FORMER_TOKEN).unlink(missing_ok=True)


def secret(path: Path) -> str:
    """The secret in a file of the data directory; created at first use, readable by us alone."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    created = secrets.token_urlsafe(32)
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(created)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return created


def unusable(data_dir: Path, error: OSError, option: str = "--data-dir") -> TealError:
    """The error for a file that cannot be used, in the directory that ``option`` names."""
    return TealError(
        f"{error.filename or data_dir}: {error.strerror}: free some space, fix its permissions, or "
        f"choose another {option}"
    )


@contextlib.contextmanager
def only_one(data_dir: Path, port: int) -> Iterator[None]:
    """Lock the data directory for a control plane at ``port``, and create it if necessary.

    Raises TealError if another control plane has locked it or it cannot be written.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_is_ours(data_dir)
        opened = os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise unusable(data_dir, error) from error
    with held(opened, partial(taken, data_dir), port):
        yield


def _check_is_ours(data_dir: Path) -> None:
    """Raise TealError if others can use the directory, which has keys and secrets."""
    status = data_dir.stat()
    if status.st_uid != os.geteuid():
        raise TealError(
            f"{data_dir} belongs to {login(status.st_uid)}: run `teal up` as that user, or choose "
            "another --data-dir"
        )
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise TealError(
            f"{data_dir} is open to others (mode {mode:03o}), and keys are kept there: run "
            f"`chmod 700 {shlex.quote(str(data_dir))}`"
        )


@contextlib.contextmanager
def listen(port: int, option: str) -> Iterator[socket.socket]:
    """A socket that listens on loopback. Raises TealError if the port is in use."""
    with listen_at(Address(HOST, port), option, f"port {port}") as listener:
        yield listener
