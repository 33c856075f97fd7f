"""Commands that tell why: explain, evidence, backtest."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tealmesh.cli import completing
from tealmesh.cli.groups import commands
from tealmesh.cli.groups.choosing import or_group
from tealmesh.cli.options import print_json, with_client, with_json

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.model.rollout.bundle import Bundle


@click.command()
@click.argument("service", required=False, shell_complete=completing.names)
@click.argument("deployment", required=False, shell_complete=completing.deployments)
@click.option("--windows", is_flag=True, help="Also every window of measurement.")
@click.option("--callers", is_flag=True, help="Also who called it, and what each caller saw.")
@or_group(commands.explain)
@with_json
@with_client
def explain(
    service: str,
    deployment: str | None,
    windows: bool,
    callers: bool,
    as_json: bool,
    client: Client,
) -> None:
    """Where the deployment of SERVICE is, why, what comes next, and when at the latest: in one
    sentence, and then with the numbers of each step and every transition.

    Without the id of a DEPLOYMENT (or its beginning), the one that runs or was the last.
    """
    answer = client.explain(service, deployment)
    bundle: Bundle | None = None
    identity = answer["deployment"]["deploymentId"]
    called = client.list_callers(identity) if callers else None
    if windows:
        bundle = json.loads(client.get_evidence(service, identity)["bundle"])
    if as_json:
        more = {"windows": bundle["windows"]} if bundle else {}
        print_json({**answer, **more, **({} if called is None else {"callers": called})})
        return
    from tealmesh.cli.screens.explained import explained_view
    from tealmesh.cli.screens.render import console

    out = console()
    out.print(explained_view(answer, out.width, time.time(), bundle))
    if called is not None:
        from tealmesh.cli.screens.callers import callers_view

        click.echo("\ncallers")
        out.print(callers_view(called, answer["deployment"], out.width))


@click.command()
@click.argument("service", shell_complete=completing.names)
@click.argument("deployment", required=False, shell_complete=completing.deployments)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a file: a page of HTML if it ends in .html, else JSON.",
)
@with_client
def evidence(service: str, deployment: str | None, output: Path | None, client: Client) -> None:
    """The evidence bundle of a deployment of SERVICE, as JSON: its steps, gates, windows of
    measurement, the comparison of both sides over time, callers, and journal.

    Without the id of a DEPLOYMENT (or its beginning), the one that runs or was the last. The page
    needs no other file, and can be sent to whoever asks.
    """
    as_page = output is not None and output.suffix in (".html", ".htm")
    answer = client.get_evidence(service, deployment, as_page)
    text = answer.get("page") or json.dumps(json.loads(answer["bundle"]), indent=2) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{output}: {error.strerror}") from error
    click.echo(f"{output}: the evidence of {service} {answer['deploymentId']}")


@click.command()
@click.argument("service", required=False, shell_complete=completing.names)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of [gates], in TOML: alpha=0.05, success_rate=0.999. May be repeated.",
)
@with_json
@with_client
def backtest(service: str | None, settings: tuple[str, ...], as_json: bool, client: Client) -> None:
    """Judge the recorded windows of finished deployments of SERVICE (default: of all services) by
    other gates. Settings without --set stay as they were at each deployment.
    """
    for setting in settings:
        if "=" not in setting:
            raise click.UsageError(f"--set {setting}: must be KEY=VALUE")
    found = client.backtest(service, "\n".join(settings))
    if as_json:
        print_json({"deployments": found})
        return
    from tealmesh.cli.screens import backtested
    from tealmesh.cli.screens.render import console

    if found:
        console().print(backtested.table(found))
    click.echo(backtested.summary(found))


COMMANDS = (explain, evidence, backtest)
