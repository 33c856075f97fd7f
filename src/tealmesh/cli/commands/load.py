"""`teal load`: requests at a steady rate, for people who have no traffic at hand."""

from __future__ import annotations

import click

from tealmesh.cli.options import Number, with_json


@click.command()
@click.argument("url")
@click.option(
    "--rate",
    type=Number(0.1, 20000),
    default=50.0,
    show_default=True,
    metavar="N",
    help="Requests per second.",
)
@click.option(
    "--time",
    "seconds",
    type=Number(0, min_open=True),
    metavar="SECONDS",
    help="Stop after this time (default: at Ctrl-C).",
)
@click.option(
    "-H",
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="A header to send, such as 'Host: web.example'; repeat it for more.",
)
@click.option(
    "--timeout",
    type=Number(0, 3600, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Count a request as failed when it has no answer after this time.",
)
@click.option(
    "--version-header",
    default="x-version",
    show_default=True,
    metavar="NAME",
    help='The header of an answer that names its version; without it, "version" in a JSON body'
    " does.",
)
@with_json
def load(
    url: str,
    rate: float,
    seconds: float | None,
    headers: tuple[str, ...],
    timeout: float,
    version_header: str,
    as_json: bool,
) -> None:
    """Send GET requests to URL at a steady rate until Ctrl-C, and print a summary: requests,
    status codes, latencies, and which versions answered.

    Requests are sent on schedule, whether or not earlier ones have been answered, and none is
    sent again. The exit code is 1 if any failed (no answer, or a status of 500 and above).
    """
    from tealmesh.cli.load.run import Plan, run_load

    plan = Plan.checked(url, rate, seconds, headers, timeout, version_header)
    failed = run_load(plan, as_json=as_json)
    if failed:
        raise SystemExit(1)


COMMANDS = (load,)
