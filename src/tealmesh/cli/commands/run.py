"""Starting and stopping a control plane: `teal up` and `teal down`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tealmesh.cli.client import Client
from tealmesh.cli.options import default_data_dir, read_text, with_client
from tealmesh.model.errors import NoControlPlane, TealError

if TYPE_CHECKING:
    from tealmesh.app.control_plane import AppConfig

START_TIMEOUT = 60.0
STOP_TIMEOUT = 120.0
"""Seconds; stopping drains every task first, all at once."""
LOG_BYTES = 10_000_000
"""Beyond them `teal up -d` begins a new log and keeps the earlier one as teal.log.1."""
_POLL = 0.02


@click.command(short_help="Start the control plane.")
@click.option("-d", "--detach", is_flag=True, help="Return when ready; write to DIR/teal.log.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the state is kept (default: the platform's user state directory).",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), default=4566, show_default=True, help="The API's port."
)
@click.option(
    "--xds-port",
    type=click.IntRange(1, 65535),
    default=18000,
    show_default=True,
    help="The port where Envoys are configured from.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A teal.toml whose [images] are known from the start.",
)
@click.option(
    "--route-grace",
    type=click.FloatRange(0, 3600),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a router's last route is served after it is deleted; 0: not at all.",
)
@click.option(
    "--runtime",
    type=click.Choice(["auto", "process", "container"]),
    default="auto",
    show_default=True,
    help="How tasks run; auto: in containers where [images] has no command for their images.",
)
@click.option(
    "--dns-port",
    type=click.IntRange(1, 65535),
    help="Answer Cloud Map's names by DNS on this port (UDP and TCP).",
)
@click.option("-v", "--verbose", is_flag=True, help="Log every request.")
def up(detach: bool, data_dir: Path | None, verbose: bool, **options: Any) -> None:
    """Start the control plane and the tasks that it finds in its state.

    Ctrl-C stops the control plane and leaves the tasks running: the next `teal up` adopts them.
    `teal down` stops both.
    """
    _check(options)
    directory = (data_dir or default_data_dir()).absolute()
    if detach:
        _detach(directory, options, verbose)
        return
    import asyncio
    import logging

    from tealmesh.app.control_plane import AppConfig

    config = AppConfig(data_dir=directory, **options)
    _set_up_logging(verbose)
    asyncio.run(_serve(config))
    # All that must last is on disk by now. A thread that still imports moto, which takes seconds
    # on a busy machine, would keep the process.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


def _check(options: dict[str, Any]) -> None:
    """Raise what is wrong with the ports or the configuration file; its path becomes absolute."""
    port, xds_port, dns_port = options["port"], options["xds_port"], options["dns_port"]
    if port == xds_port:
        raise click.UsageError(f"--port and --xds-port are both {port}: give two different ports")
    if dns_port in (port, xds_port):
        raise click.UsageError(f"--dns-port is {dns_port} like another: give a different port")
    if options["config_file"] is not None:
        from tealmesh.model.config.parse import parse

        options["config_file"] = config_file = options["config_file"].absolute()
        parse(read_text(config_file), str(config_file))


@click.command()
@with_client
def down(client: Client) -> None:
    """Drain and stop every task, then the control plane."""
    health = client.health()
    click.echo("draining and stopping every task…", err=True)
    answer = client.call("Shutdown", wait=STOP_TIMEOUT, stopTasks=True)
    _wait_gone(client, health.pid)
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
    # Their debug lines are about their own insides.
    for name in ("botocore", "boto3", "urllib3", "asyncio", "httpcore", "httpx", "grpc"):
        logging.getLogger(name).setLevel(logging.WARNING)


async def _serve(config: AppConfig) -> None:
    import asyncio

    from tealmesh.app.control_plane import AppInfo, run

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask_to_stop(number: signal.Signals) -> None:
        stop.set()
        # A second Ctrl-C must not be swallowed when something hangs.
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask_to_stop, number)

    def ready(info: AppInfo) -> None:
        click.echo(f"control plane ready at {info.endpoint}, state in {info.data_dir}")
        click.echo(f"runtime: {info.runtime}")
        click.echo("Ctrl-C stops it and leaves tasks running; `teal down` stops them too")

    await run(config, ready=ready, stop=stop)


def _detach(directory: Path, options: Mapping[str, Any], verbose: bool) -> None:
    command = [sys.executable, "-m", "tealmesh.cli", "up", "--data-dir", str(directory)]
    for name, value in options.items():
        if value is not None:
            option = "config" if name == "config_file" else name.replace("_", "-")
            command += [f"--{option}", str(value)]
    command += ["--verbose"] if verbose else []
    log_path = directory / "teal.log"
    process, start = _spawn(command, directory, log_path)
    client = Client(f"http://127.0.0.1:{options['port']}")
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        with contextlib.suppress(NoControlPlane):
            health = client.health(timeout=1.0)
            if health.pid == process.pid:
                break
        if process.poll() is not None:
            raise TealError(last_words(log_path, start))
        if time.monotonic() > deadline:
            process.terminate()
            raise TealError(f"`teal up` was not ready after {START_TIMEOUT:.0f} s: see {log_path}")
        time.sleep(_POLL)
    click.echo(f"control plane ready at {client.endpoint} (process {process.pid})")
    click.echo(f"runtime: {health.runtime}")
    click.echo(f"its log: {log_path}; stop it with `teal down`")


def _spawn(
    command: list[str], directory: Path, log_path: Path
) -> tuple[subprocess.Popen[bytes], int]:
    """The process, detached from our terminal, and where its part of the log begins."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if log_path.exists() and log_path.stat().st_size > LOG_BYTES:
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
    """Why a control plane ended, from its log after byte ``start``: its own error line, where the
    last line is one.
    """
    with path.open("rb") as log:
        log.seek(start)
        lines = log.read().decode("utf-8", "replace").split("\n")
    told = [line.strip() for line in lines if line.strip()]
    if not told:
        return f"`teal up` ended early and could not even write {path}: without -d it says why"
    for prefix in ("teal: ", "Error: "):
        if told[-1].startswith(prefix):
            return told[-1].removeprefix(prefix)
    return f"`teal up` ended early: see {path}"


def _wait_gone(client: Client, pid: int) -> None:
    deadline = time.monotonic() + STOP_TIMEOUT
    while _answers(client, pid) or _runs(pid):
        if time.monotonic() > deadline:
            raise TealError(f"the control plane (process {pid}) has not ended: see its log")
        time.sleep(_POLL)


def _answers(client: Client, pid: int) -> bool:
    try:
        return client.health(timeout=2.0).pid == pid
    except NoControlPlane:
        return False


def _runs(pid: int) -> bool:
    """Whether the process runs; one that has ended but was not yet waited for does not."""
    try:
        os.kill(pid, 0)
        # proc(5): the state is the word after the command's name in parentheses
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except OSError:
        # No /proc on this system, or another user's process.
        return False
    return state != "Z"


COMMANDS = (up, down)
