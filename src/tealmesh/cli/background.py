"""Control planes in the background: how they are started, found again and waited for.

A control plane that is ready writes its options to ``DIR/up.json``, so that `teal down --data-dir`
finds it, or starts it again with the same ports: the Envoys that it left behind know them.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from tealmesh.cli.client import Client, Health
from tealmesh.cli.screens.troubles import troubles
from tealmesh.cli.screens.waiting import looking, waiting
from tealmesh.cli.services import deploying
from tealmesh.model.errors import NoControlPlane, TealError
from tealmesh.model.plane.listening import BEYOND, ListenOptions

if TYPE_CHECKING:
    from tealmesh.model import wire

START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 120.0
"""Stopping drains every task first, all at once."""
LOG_LIMIT_BYTES = 10_000_000
"""When teal.log is larger, `teal up -d` renames it to teal.log.1 and starts a new one."""
_POLL_SECONDS = 0.02
_OPTIONS = "up.json"


@dataclass(frozen=True)
class UpOptions(ListenOptions):
    """The options of `teal up` that a control plane is configured with, as in `AppConfig`."""

    dns_port: int | None = None
    lb_port: int = 4580
    config_file: Path | None = None
    route_grace: float = 5.0
    runtime: Literal["auto", "process", "container"] = "auto"
    scaling_minute: float = 60.0
    moto_memory: int = 2048
    moto_seconds: float = 30.0
    allowed_hosts: tuple[str, ...] = ()
    allowed_host_paths: tuple[Path, ...] = ()
    task_user: str = ""
    trace: float = 0.0
    keep_events: int = 200_000
    keep_deployments: int = 500
    sts_endpoint: str = ""
    oidc: Path | None = None

    def arguments(self) -> list[str]:
        """These options as arguments of `teal up`."""
        values = {
            "--port": self.port,
            "--xds-port": self.xds_port,
            "--dns-port": self.dns_port,
            "--lb-port": self.lb_port,
            "--config": self.config_file,
            "--route-grace": self.route_grace,
            "--runtime": self.runtime,
            "--scaling-minute": self.scaling_minute,
            "--listen": self.listen or None,
            "--xds-listen": self.xds_listen or None,
            "--tls-cert": self.tls_cert,
            "--tls-key": self.tls_key,
            "--client-ca": self.client_ca,
            "--sts-endpoint": self.sts_endpoint or None,
            "--oidc": self.oidc,
            "--moto-memory": self.moto_memory,
            "--moto-seconds": self.moto_seconds,
            "--trace": self.trace or None,
            "--keep-events": self.keep_events,
            "--keep-deployments": self.keep_deployments,
        }
        pairs = [(name, str(value)) for name, value in values.items() if value is not None]
        pairs += [("--allow-host", name) for name in self.allowed_hosts]
        pairs += [("--allow-host-path", str(path)) for path in self.allowed_host_paths]
        pairs += [("--task-user", self.task_user)] if self.task_user else []
        words = [word for pair in pairs for word in pair]
        return [*words, "--insecure-listen"] if self.insecure_listen else words


@dataclass(frozen=True)
class Started:
    """A control plane that was started in the background and is ready."""

    client: Client
    pid: int
    runtime: str
    """How tasks run, in words."""
    log: Path


def remember(directory: Path, options: UpOptions) -> None:
    """Write down with which options a control plane uses ``directory``. Call it when the control
    plane is ready, as no other can use the directory then.
    """
    left_out = ("config_file", "oidc", *BEYOND)
    values = {name: value for name, value in asdict(options).items() if name not in left_out}
    fresh = directory / f"{_OPTIONS}.new"
    fresh.write_text(json.dumps(values, default=str))
    fresh.replace(directory / _OPTIONS)


def remembered(directory: Path) -> UpOptions:
    """The options of the last control plane that used ``directory``, without its --config: what
    that file says has been stored. Nor with those for others than its tasks, which are not needed
    to stop them. Raises TealError if none has ever used it.
    """
    path = directory / _OPTIONS
    if not (directory / "state.db").exists():
        _refuse_lost(directory)
        raise TealError(f"{directory}: no control plane has used it: choose another --data-dir")
    try:
        values = json.loads(path.read_text())
        values["allowed_hosts"] = tuple(values.get("allowed_hosts", ()))
        values["allowed_host_paths"] = tuple(map(Path, values.get("allowed_host_paths", ())))
        return UpOptions(**values)
    except FileNotFoundError:
        return UpOptions()
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise TealError(
            f"{path}: {error}: remove it and run `teal up --data-dir {directory}`"
        ) from error


def _refuse_lost(directory: Path) -> None:
    """Raise TealError if tasks of a directory run whose state is gone."""
    from tealmesh.cli import orphans  # loads asyncio: `teal --help` needs none

    for one in orphans.orphans():
        if one.data_dir == directory.resolve():
            raise TealError(one.text)


def find_or_start(directory: Path) -> Client:
    """A client of the control plane that uses ``directory``; one is started if none does.

    Raises TealError if ``directory`` is not a control plane's, or if it cannot be started.
    """
    options = remembered(directory)
    client = Client(f"http://127.0.0.1:{options.port}")
    with contextlib.suppress(NoControlPlane):
        if Path(client.health().data_dir).resolve() == directory.resolve():
            return client
    click.echo(f"no control plane uses {directory}: starting one to stop its tasks…", err=True)
    options = replace(
        options, port=_free(options.port), xds_port=_free(options.xds_port), dns_port=None
    )
    return start(directory, options).client


def stop(directory: Path) -> None:
    """Drain and stop every task of a data directory and its control plane; one is started for that
    if none runs. Where there is no state any more, what carries the directory's marks is ended.
    """
    if not (directory / "state.db").exists():
        # Nobody knows how to drain what is left of it.
        from tealmesh.cli import orphans

        with waiting("ending what is left of it"):
            ended = orphans.end_all(directory)
        click.echo(f"{directory}: {ended}", err=True)
        return
    client = find_or_start(directory)
    health = client.health()
    drain(client)
    wait_until_ended(client, health.pid)


def drain(client: Client) -> wire.ShutdownOutput:
    """Drain and stop every task and the control plane, and say that it is under way."""
    for name in deploying(client):
        click.echo(
            f"a deployment of {name} is running: the next `teal up` goes on with it", err=True
        )
    click.echo("draining and stopping every task…", err=True)
    asks = Client(client.endpoint)  # Says nothing of its own.
    with waiting("stopping tasks") as told, looking(lambda: told.now(_stopping(asks))):
        return client.shutdown(stop_tasks=True, wait_seconds=STOP_TIMEOUT_SECONDS)


def _stopping(client: Client) -> str:
    """How many tasks are left, and what keeps the control plane from its work."""
    tasks = len(client.list_tasks(stopped=False))
    failing = next(troubles(client.get_status()), None)
    left = f" ({tasks} left)" if tasks else ""
    return f"stopping tasks{left}" + (f": {' '.join(failing)}" if failing else "")


def _free(preferred: int) -> int:
    """``preferred``, or a port that is free if something else listens there."""
    for port in (preferred, 0):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            return int(listener.getsockname()[1])
    return preferred


def refuse_another(port: int, directory: Path) -> None:
    """Raise TealError if a control plane with another data directory has this port."""
    client = Client(f"http://127.0.0.1:{port}")
    try:
        health = client.health(timeout=1.0)
    except NoControlPlane:
        return  # Nothing answers, or something that is not ours: binding the port will tell.
    if health.data_dir and Path(health.data_dir).resolve() != directory.resolve():
        raise TealError(
            f"port {port} cannot be used: Tealmesh {health.version} runs there with its state in "
            f"{health.data_dir}: stop it with `teal down`, or choose another port with --port"
        )


def start(directory: Path, options: UpOptions, verbose: bool = False) -> Started:
    """Run `teal up` in the background and wait until it is ready.

    Raises TealError with its error if it ends early.
    """
    command = [sys.executable, "-m", "tealmesh.cli", "up", "--data-dir", str(directory)]
    command += options.arguments()
    command += ["--verbose"] if verbose else []
    log_path = directory / "teal.log"
    process, offset = _spawn(command, directory, log_path)
    client = Client(f"http://127.0.0.1:{options.port}")
    try:
        with waiting("starting the control plane"):
            health = _ready(client, process, log_path, offset)
    except KeyboardInterrupt:
        # It has a session of its own, so Ctrl-C has not reached it.
        process.terminate()
        process.wait()
        click.echo("the control plane that was starting is stopped", err=True)
        raise
    return Started(client, health.pid, health.runtime, log_path)


def _ready(client: Client, process: subprocess.Popen[bytes], log_path: Path, offset: int) -> Health:
    """Wait until a control plane answers. Raises TealError with its error if it ends early."""
    started = time.monotonic()
    while True:
        with contextlib.suppress(NoControlPlane):
            health = client.health(timeout=1.0)
            if health.pid == process.pid:
                return health
        if process.poll() is not None:
            raise TealError(last_words(log_path, offset))
        if time.monotonic() - started > START_TIMEOUT_SECONDS:
            process.terminate()
            raise TealError(
                f"`teal up` was not ready after {START_TIMEOUT_SECONDS:.0f} s: see {log_path}"
            )
        time.sleep(_POLL_SECONDS)


def _spawn(
    command: list[str], directory: Path, log_path: Path
) -> tuple[subprocess.Popen[bytes], int]:
    """A process detached from our terminal, and the offset at which its part of the log begins."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if log_path.exists() and log_path.stat().st_size > LOG_LIMIT_BYTES:
            log_path.replace(log_path.with_suffix(".log.1"))
        descriptor = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise TealError(
            f"{error.filename or directory}: {error.strerror}: choose another --data-dir"
        ) from error
    with os.fdopen(descriptor, "ab") as log:
        start = log.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return process, start


def last_words(path: Path, start: int = 0) -> str:
    """Why a control plane ended: the error that ends its log, if the last line is one.

    ``start``: the byte offset at which its part of the log begins.
    """
    with path.open("rb") as log:
        log.seek(start)
        lines = log.read().decode("utf-8", "replace").split("\n")
    messages = [line.strip() for line in lines if line.strip()]
    if not messages:
        return f"`teal up` ended early and wrote nothing to {path}: run it without -d to see why"
    for prefix in ("teal: ", "Error: "):
        if messages[-1].startswith(prefix):
            return messages[-1].removeprefix(prefix)
    return f"`teal up` ended early: see {path}"


def wait_until_ended(client: Client, pid: int) -> None:
    """Wait until the control plane at ``client`` has ended as a process."""
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    with waiting("waiting for the control plane to end"):
        while _answers(client, pid) or _is_running(pid):
            if time.monotonic() > deadline:
                raise TealError(f"the control plane (process {pid}) has not ended: see its log")
            time.sleep(_POLL_SECONDS)


def _answers(client: Client, pid: int) -> bool:
    try:
        return client.health(timeout=2.0).pid == pid
    except NoControlPlane:
        return False


def _is_running(pid: int) -> bool:
    """Whether the process is running; a zombie is not."""
    try:
        os.kill(pid, 0)
        # proc(5): the state follows the command's name, which is in parentheses.
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except OSError:
        # No /proc on this system, or another user's process.
        return False
    return state != "Z"
