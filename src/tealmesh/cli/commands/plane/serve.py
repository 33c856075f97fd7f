"""The command that runs a control plane in production: serve."""

from __future__ import annotations

import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tealmesh.cli.database_url import place
from tealmesh.cli.options import (
    Number,
    check_oidc,
    is_endpoint,
    port_option,
    with_keeping,
    with_listening,
)
from tealmesh.model.plane.logs import LEVELS, Form, Level, begin

if TYPE_CHECKING:
    import asyncio

    from tealmesh.app.serve import ServeConfig

PREFIX = "TEAL_SERVE"
"""Every option is a variable, too: ``TEAL_SERVE_`` and its name."""
OF_TASK = "ecs-task"
"""In place of a host: the address of the ECS task that this is."""


def _endpoint(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if value and not is_endpoint(value):
        raise click.UsageError(
            f"{parameter.opts[0]} {value!r}: must be a URL such as https://ecs.eu-central-1."
            "amazonaws.com, or http:// on loopback"
        )
    return value.rstrip("/")


def _account(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not re.fullmatch(r"\d{12}", value):
        raise click.UsageError(f"--account {value!r}: must be the 12 digits of an AWS account")
    return value


def _region(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", value):
        raise click.UsageError(f"--region {value!r}: must be one such as eu-central-1")
    return value


def _advertise(context: click.Context, parameter: click.Parameter, value: str) -> str:
    host, _, port = value.rpartition(":")
    if value and not (host and port.isdecimal() and 0 < int(port) < 65536):
        raise click.UsageError(f"{parameter.opts[0]} {value!r}: must be HOST:PORT")
    if host == OF_TASK:
        from tealmesh.model.ecs.own_task import address

        return f"{address(os.environ)}:{port}"
    return value


def _keys(context: click.Context, parameter: click.Parameter, value: Path) -> Path:
    """The directory; what the variable has is written there before other options name files."""
    from tealmesh.model.identity import directory

    made = value.absolute()
    if text := os.environ.pop(directory.VARIABLE, ""):
        directory.unpack(made, text)
    return made


@click.command(context_settings={"auto_envvar_prefix": PREFIX})
@click.option(
    "--database",
    default="",
    metavar="URL",
    envvar=[f"{PREFIX}_DATABASE", "TEAL_DATABASE"],
    help="postgresql://USER@HOST/NAME for one or more replicas, or the path of a SQLite file for"
    " one. A password belongs in TEAL_DATABASE or --database-file.",
)
@click.option(
    "--database-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A file with that URL, in place of --database; others must not be able to read it.",
)
@click.option(
    "--keys",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    is_eager=True,
    callback=_keys,
    help="Directory of the secrets and of callers.json: the same for every replica. What is"
    " missing is created; what `teal keys bundle` printed is taken from the variable"
    " TEAL_SECRETS.",
)
@click.option(
    "--region",
    required=True,
    envvar=[f"{PREFIX}_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"],
    callback=_region,
    help="The AWS region (or AWS_REGION).",
)
@click.option(
    "--account", required=True, callback=_account, metavar="ID", help="The AWS account's 12 digits."
)
@port_option("--port", "Port of the API on 127.0.0.1.", 4566)
@port_option("--xds-port", "Port on 127.0.0.1 that Envoys get their configuration from.", 18000)
@click.option(
    "--advertise",
    default="",
    metavar="HOST:PORT",
    callback=_advertise,
    help="Where the other replicas reach the API of this one; as HOST, ecs-task is the address of"
    " the ECS task that it is.",
)
@click.option(
    "--xds-advertise",
    default="",
    metavar="HOST:PORT",
    callback=_advertise,
    help="Where Envoys of services of a teal.toml connect to: their task definitions say it"
    " (APPMESH_XDS_ENDPOINT).",
)
@click.option(
    "--ecs-endpoint",
    default="",
    metavar="URL",
    callback=_endpoint,
    help="ECS (default: AWS's in the region); that of a `teal up` is the URL of its API.",
)
@click.option(
    "--cloud-map-endpoint",
    default="",
    metavar="URL",
    callback=_endpoint,
    help="Cloud Map (default: AWS's in the region).",
)
@click.option(
    "--ecs-cluster",
    "ecs_clusters",
    multiple=True,
    metavar="NAME",
    help="A cluster whose services are read (default: all of the account in the region).",
)
@click.option(
    "--stream-age",
    type=Number(0, 86_400),
    default=1800.0,
    show_default=True,
    metavar="SECONDS",
    help="How long an Envoy's connection lasts, give or take a tenth, before it is ended so"
    " that the Envoy connects again, perhaps to another replica; 0 for no limit.",
)
@click.option(
    "--stream-drain",
    type=Number(0, 300),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long it takes to disconnect the Envoys, one after the other, when this replica"
    " stops.",
)
@click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="A name that requests may be sent to besides those of the certificate, such as that of a"
    " load balancer.",
)
@with_keeping
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How lines of the log look on standard error.",
)
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    default="info",
    show_default=True,
    help="The lowest level that is logged; debug: every request.",
)
@with_listening
@click.pass_context
def serve(context: click.Context, /, log_format: Form, log_level: Level, **options: Any) -> None:
    """Run a control plane whose tasks are those of an ECS elsewhere, in the foreground.

    It has App Mesh's API, our own, configuration for Envoys, deployments and the page; ECS and
    Cloud Map are called at AWS, or at a `teal up`. Every option is also a variable of the
    environment: TEAL_SERVE_LOG_LEVEL is --log-level. SIGTERM ends it; Envoys keep what they have.
    """
    from tealmesh.cli import foreground

    config = _config(context, options)
    begin(log_level, log_format)
    foreground.run(partial(_serve, config))


def _config(context: click.Context, options: dict[str, Any]) -> ServeConfig:
    """What the options say. Raises click.UsageError and TealError."""
    from tealmesh.app.serve import ServeConfig
    from tealmesh.model.plane.listening import BEYOND, ListenOptions

    port, xds_port = options["port"], options["xds_port"]
    if port == xds_port:
        raise click.UsageError(f"--port and --xds-port are both {port}: choose another port")
    given = {name: options.pop(name) for name in BEYOND}
    beyond = ListenOptions(port=port, xds_port=xds_port, **given).listening()
    check_oidc(options["oidc"], listens=beyond.api is not None)
    url, file = options.pop("database"), options.pop("database_file")
    database = place(context, "database", "--database", url, file)
    keys = options.pop("keys")
    if not options["sts_endpoint"]:
        options["sts_endpoint"] = f"https://sts.{options['region']}.amazonaws.com"
    return ServeConfig(data_dir=keys, database=database, listening=beyond, **options)


async def _serve(config: ServeConfig, stop: asyncio.Event) -> None:
    from tealmesh.app.serve import AppInfo, run

    def ready(info: AppInfo) -> None:
        click.echo(f"control plane ready at {info.endpoint}: {info.runtime}")
        for line in config.listening.in_words():
            click.echo(line)
        sys.stdout.flush()

    await run(config, ready=ready, stop=stop)


COMMANDS = (serve,)
