"""Commands that start and stop a control plane: up, down."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from tealmesh.cli.client import Client
from tealmesh.cli.options import default_data_dir, read_text, with_client
from tealmesh.model.errors import NoControlPlane, TealError

if TYPE_CHECKING:
    from tealmesh.app.control_plane import AppConfig

START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 120.0
"""Stopping drains every task first, all at once."""
LOG_LIMIT_BYTES = 10_000_000
"""When teal.log is larger, `teal up -d` renames it to teal.log.1 and starts a new one."""
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class UpOptions:
    """The options of `teal up` that a control plane is configured with, as in `AppConfig`."""

    port: int
    xds_port: int
    dns_port: int | None
    lb_port: int
    config_file: Path | None
    route_grace: float
    runtime: Literal["auto", "process", "container"]

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
        }
        return [
            word
            for name, value in values.items()
            if value is not None
            for word in (name, str(value))
        ]


@click.command(short_help="Start the control plane.")
@click.option("-d", "--detach", is_flag=True, help="Run in the background; log to DIR/teal.log.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Directory for the state (default: the platform's user state directory).",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=4566,
    show_default=True,
    help="Port of the API.",
)
@click.option(
    "--xds-port",
    type=click.IntRange(1, 65535),
    default=18000,
    show_default=True,
    help="Port that Envoys get their configuration from.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A teal.toml whose [images] are used from the start.",
)
@click.option(
    "--route-grace",
    type=click.FloatRange(0, 3600),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to keep serving a router's last route after its deletion; 0 to not keep it.",
)
@click.option(
    "--runtime",
    type=click.Choice(["auto", "process", "container"]),
    default="auto",
    show_default=True,
    help="How tasks run; auto: in containers if [images] has no command for their images.",
)
@click.option(
    "--dns-port",
    type=click.IntRange(1, 65535),
    help="Port on which to answer DNS queries (UDP and TCP) for names of Cloud Map and of load "
    "balancers.",
)
@click.option(
    "--lb-port",
    type=click.IntRange(1, 65535),
    default=4580,
    show_default=True,
    help="Port on which the Host header selects a load balancer.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log every request.")
def up(detach: bool, data_dir: Path | None, verbose: bool, **options: Any) -> None:
    """Start the control plane and the tasks in its state.

    Ctrl-C stops the control plane and leaves the tasks running: the next `teal up` adopts them.
    `teal down` stops both.
    """
    checked = _check(UpOptions(**options))
    directory = (data_dir or default_data_dir()).absolute()
    if detach:
        _detach(directory, checked, verbose)
        return
    import asyncio
    import logging

    from tealmesh.app.control_plane import AppConfig

    config = AppConfig(data_dir=directory, **vars(checked))
    _set_up_logging(verbose)
    asyncio.run(_serve(config))
    # Everything that must last is on disk by now. A thread that is still importing moto, which
    # takes seconds on a busy machine, would keep the process alive.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


def _check(options: UpOptions) -> UpOptions:
    """The options, with an absolute path of the configuration file.

    Raises click.UsageError for ports that clash, and ConfigError for a wrong file.
    """
    ports = {
        "--port": options.port,
        "--xds-port": options.xds_port,
        "--dns-port": options.dns_port,
        "--lb-port": options.lb_port,
    }
    owners: dict[int, str] = {}
    for name, port in ports.items():
        if port is None:
            continue
        if port in owners:
            raise click.UsageError(
                f"{owners[port]} and {name} are both {port}: choose another port"
            )
        owners[port] = name
    if options.config_file is None:
        return options
    from tealmesh.model.config.parse import parse

    config_file = options.config_file.absolute()
    parse(read_text(config_file), str(config_file))
    return replace(options, config_file=config_file)


@click.command()
@with_client
def down(client: Client) -> None:
    """Drain and stop every task, then stop the control plane."""
    health = client.health()
    click.echo("draining and stopping every task…", err=True)
    answer = client.shutdown(stop_tasks=True, wait_seconds=STOP_TIMEOUT_SECONDS)
    _wait_until_ended(client, health.pid)
    stopped = answer.get("stoppedTasks")
    tasks = "" if stopped is None else f", {stopped} task{'' if stopped == 1 else 's'} stopped"
    click.echo(f"control plane at {client.endpoint} is down{tasks}")


def _set_up_logging(verbose: bool) -> None:
    import logging

    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    # Their debug messages are about their internals.
    for name in ("botocore", "boto3", "urllib3", "asyncio", "httpcore", "httpx", "grpc"):
        logging.getLogger(name).setLevel(logging.WARNING)


async def _serve(config: AppConfig) -> None:
    import asyncio

    from tealmesh.app.control_plane import AppInfo, run

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask_to_stop(number: signal.Signals) -> None:
        stop.set()
        # A second Ctrl-C kills us if something hangs.
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask_to_stop, number)

    def ready(info: AppInfo) -> None:
        click.echo(f"control plane ready at {info.endpoint}, state in {info.data_dir}")
        click.echo(f"runtime: {info.runtime}")
        click.echo("Ctrl-C stops it and leaves tasks running; `teal down` stops tasks too")

    await run(config, ready=ready, stop=stop)


def _detach(directory: Path, options: UpOptions, verbose: bool) -> None:
    """Run `teal up` in the background and wait until it is ready.

    Raises TealError with its error if it ends early.
    """
    command = [sys.executable, "-m", "tealmesh.cli", "up", "--data-dir", str(directory)]
    command += options.arguments()
    command += ["--verbose"] if verbose else []
    log_path = directory / "teal.log"
    process, start = _spawn(command, directory, log_path)
    client = Client(f"http://127.0.0.1:{options.port}")
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        with contextlib.suppress(NoControlPlane):
            health = client.health(timeout=1.0)
            if health.pid == process.pid:
                break
        if process.poll() is not None:
            raise TealError(last_words(log_path, start))
        if time.monotonic() > deadline:
            process.terminate()
            raise TealError(
                f"`teal up` was not ready after {START_TIMEOUT_SECONDS:.0f} s: see {log_path}"
            )
        time.sleep(_POLL_SECONDS)
    click.echo(f"control plane ready at {client.endpoint} (process {process.pid})")
    click.echo(f"runtime: {health.runtime}")
    click.echo(f"log: {log_path}; stop it with `teal down`")


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


def _wait_until_ended(client: Client, pid: int) -> None:
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
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


COMMANDS = (up, down)
