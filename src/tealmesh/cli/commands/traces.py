"""`teal traces`: what requests did, hop by hop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from tealmesh.cli.options import Number, print_json, with_client, with_json

if TYPE_CHECKING:
    from tealmesh.cli.client import Client


@click.command()
@click.argument("trace", required=False)
@click.option("--service", metavar="NAME", help="Only traces in which this service takes part.")
@click.option("--failed", is_flag=True, help="Only traces with a part that failed.")
@click.option(
    "--slower",
    type=Number(0),
    metavar="SECONDS",
    help="Only traces that took at least this long.",
)
@click.option(
    "--last",
    type=Number(0, min_open=True),
    metavar="SECONDS",
    help="Only those that began in the last SECONDS.",
)
@click.option(
    "-n",
    "--number",
    type=click.IntRange(1, 1000),
    metavar="N",
    default=20,
    show_default=True,
    help="Number of traces.",
)
@click.option("--map", "as_map", is_flag=True, help="Who calls whom, according to the traces.")
@with_json
@with_client
def traces(
    trace: str | None,
    service: str | None,
    failed: bool,
    slower: float | None,
    last: float | None,
    number: int,
    as_map: bool,
    as_json: bool,
    client: Client,
) -> None:
    """The newest traces, one line each, or the TRACE with this id, or the beginning of it, step by
    step.

    Envoys tell them with `teal up --trace SHARE`, and applications by X-Ray or OpenTelemetry.
    """
    filters = {"--service": service, "--failed": failed, "--slower": slower is not None}
    given = [name for name, value in filters.items() if value]
    if trace is not None:
        given += [name for name, value in (("--map", as_map), ("--last", last)) if value]
    if given and (as_map or trace is not None):
        chosen = "TRACE" if trace is not None else "--map"
        raise click.UsageError(f"{chosen} and {' and '.join(given)}: give only one of them")
    since = None if last is None else time.time() - last
    from tealmesh.cli.screens import traces as screens
    from tealmesh.cli.screens.render import console

    if trace is not None:
        one = client.get_trace(trace)
        if as_json:
            print_json(one)
            return
        lines = screens.waterfall(one, console().width)
    elif as_map:
        made = client.get_service_map(since)
        if as_json:
            print_json(made)
            return
        lines = screens.mapped(made)
    else:
        found = client.list_traces(
            number, service, failed=failed, least_seconds=slower, since=since
        )
        if as_json:
            print_json(found["traces"])
            return
        lines = screens.listed(found, console().width)
    for line in lines:
        click.echo(line)


COMMANDS = (traces,)
