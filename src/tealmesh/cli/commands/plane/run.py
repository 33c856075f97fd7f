"""Commands that start and stop a control plane: up, down."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tealmesh.cli import background
from tealmesh.cli.background import UpOptions
from tealmesh.cli.options import (
    Number,
    check_oidc,
    data_dir_option,
    default_data_dir,
    port_option,
    read_text,
    with_client,
    with_keeping,
    with_listening,
)
from tealmesh.model.errors import NoControlPlane
from tealmesh.model.plane.listening import BEYOND
from tealmesh.model.plane.locks import refuse_used
from tealmesh.model.plane.logs import begin

if TYPE_CHECKING:
    import asyncio

    from tealmesh.app.control_plane import AppConfig
    from tealmesh.cli.client import Client


@click.command()
@click.option("-d", "--detach", is_flag=True, help="Run in the background; log to DIR/teal.log.")
@data_dir_option("Directory for the state (default: the platform's user state directory).")
@port_option("--port", "Port of the API.", 4566)
@port_option("--xds-port", "Port that Envoys get their configuration from.", 18000)
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A teal.toml whose [images] are used from the start.",
)
@click.option(
    "--runtime",
    type=click.Choice(["auto", "process", "container"]),
    default="auto",
    show_default=True,
    help="How tasks run; auto: in containers if [images] has no command for their images.",
)
@port_option(
    "--dns-port",
    "Port on which to answer DNS queries (UDP and TCP) for names of Cloud Map and of load "
    "balancers.",
)
@port_option("--lb-port", "Port on which the Host header selects a load balancer.", 4580)
@click.option(
    "--scaling-minute",
    type=Number(0.2, 60),
    metavar="SECONDS",
    default=60.0,
    show_default=True,
    help="Seconds that a minute of automatic scaling lasts: fewer to see it act sooner.",
)
@click.option(
    "--moto-memory",
    type=click.IntRange(256, 1 << 20),
    default=2048,
    show_default=True,
    metavar="MIB",
    help="Memory limit of the other AWS services (moto), which are a process of their own.",
)
@click.option(
    "--moto-seconds",
    type=Number(1, 3600),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long one of their calls may take before that process is restarted.",
)
@click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="A name besides localhost that requests may be sent to, such as one of /etc/hosts.",
)
@click.option(
    "--allow-host-path",
    "allowed_host_paths",
    type=click.Path(path_type=Path, resolve_path=True),
    multiple=True,
    metavar="DIR",
    help="A directory that containers may mount (host.sourcePath), besides that of --config.",
)
@with_keeping
@click.option(
    "--trace",
    type=Number(0, 1),
    default=0.0,
    show_default=True,
    metavar="SHARE",
    help="Share of requests of which the Envoys that are started send traces (`teal traces`),"
    " such as 0.1; Envoys with a tracer of their own are left alone.",
)
@click.option(
    "--task-user",
    default="",
    metavar="USER",
    help="As root: the user of processes whose container definition has none (default: a user"
    " of its own for each task, without privileges).",
)
@with_listening
@click.option("-v", "--verbose", is_flag=True, help="Log every request.")
def up(detach: bool, data_dir: Path | None, verbose: bool, **options: Any) -> None:
    """Start the control plane and the tasks in its state.

    Ctrl-C stops the control plane and leaves the tasks running: the next `teal up` adopts them.
    `teal down` stops both.
    """
    checked = _check(UpOptions(**options))
    directory = (data_dir or default_data_dir()).absolute()
    refuse_used(directory)
    background.refuse_another(checked.port, directory)
    if detach:
        started = background.start(directory, checked, verbose)
        click.echo(f"control plane ready at {started.client.endpoint} (process {started.pid})")
        click.echo(f"runtime: {_in_short(started.runtime)}")
        for line in checked.listening().in_words():
            click.echo(line)
        click.echo(f"log: {started.log}; stop it with `teal down`")
        return
    from tealmesh.app.control_plane import AppConfig
    from tealmesh.cli import foreground

    local = {name: value for name, value in vars(checked).items() if name not in BEYOND}
    config = AppConfig(data_dir=directory, listening=checked.listening(), **local)
    begin("debug" if verbose else "info")
    foreground.run(partial(_serve, config, checked))


def _in_short(runtime: str) -> str:
    """How tasks run. Why they do not run in containers is for those who want that: `teal doctor`
    says it.
    """
    short = "processes (`teal doctor` says why not in containers)"
    return short if runtime.startswith("processes (") else runtime


def _check(options: UpOptions) -> UpOptions:
    """The options, with an absolute path of the configuration file.

    Raises click.UsageError for ports that clash, TealError for addresses that cannot be listened
    at, and ConfigError for a wrong file.
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
    options.listening()
    check_oidc(options.oidc, listens=bool(options.listen))
    if options.config_file is None:
        return options
    from tealmesh.model.config.parse import parse_additions

    config_file = options.config_file.absolute()
    parse_additions(read_text(config_file), str(config_file))
    return replace(options, config_file=config_file)


@click.command()
@with_client
@data_dir_option("The control plane that `teal up --data-dir DIR` started, in place of --endpoint.")
@click.option(
    "--force",
    is_flag=True,
    help="End the control plane and everything with the marks of its data directory, without"
    " draining.",
)
@click.pass_context
def down(context: click.Context, client: Client, data_dir: Path | None, force: bool) -> None:
    """Drain and stop every task, then stop the control plane.

    With --data-dir, tasks that a dead control plane has left running are stopped too: a control
    plane is started for that. With --force, tasks are ended at once, even if the data directory is
    lost; where it is not, services start theirs again at the next `teal up`.
    """
    from tealmesh.cli import orphans
    from tealmesh.cli.screens.waiting import waiting

    if force:
        directory = (data_dir or _directory_of(client)).absolute()
        with waiting("ending everything"):
            ended = orphans.end_all(directory)
        click.echo(f"{directory}: {ended}")
        return
    if data_dir is not None:
        if context.get_parameter_source("client") is ParameterSource.COMMANDLINE:
            raise click.UsageError("--endpoint and --data-dir: give only one of them")
        client = background.find_or_start(data_dir.absolute())
    try:
        health = client.health()
    except NoControlPlane as error:
        left = [one.text for one in orphans.orphans()]
        if left:
            said = str(error).partition(": start ")[0]
            raise NoControlPlane("; ".join([said, *left])) from error
        raise
    answer = background.drain(client)
    background.wait_until_ended(client, health.pid)
    stopped = answer.get("stoppedTasks")
    tasks = "" if stopped is None else f", {stopped} task{'' if stopped == 1 else 's'} stopped"
    click.echo(f"control plane at {client.endpoint} is down{tasks}")


def _directory_of(client: Client) -> Path:
    """The data directory of the control plane that answers, or else that of `teal up`."""
    try:
        used = client.health().data_dir
    except NoControlPlane:
        used = ""
    return Path(used) if used else default_data_dir()


async def _serve(config: AppConfig, options: UpOptions, stop: asyncio.Event) -> None:
    from tealmesh.app.control_plane import AppInfo, run

    def ready(info: AppInfo) -> None:
        background.remember(info.data_dir, options)
        click.echo(f"control plane ready at {info.endpoint}, state in {info.data_dir}")
        click.echo(f"runtime: {_in_short(info.runtime)}")
        for line in options.listening().in_words():
            click.echo(line)
        click.echo("Ctrl-C stops it and leaves tasks running; `teal down` stops tasks too")

    await run(config, ready=ready, stop=stop)


COMMANDS = (up, down)
