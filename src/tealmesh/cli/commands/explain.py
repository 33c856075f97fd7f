"""Commands that tell why: explain."""

from __future__ import annotations

import time

import click

from tealmesh.cli.client import Client
from tealmesh.cli.options import complete_names, print_json, with_client, with_json


@click.command(short_help="Why a deployment is where it is, and what comes next.")
@click.argument("service", shell_complete=complete_names)
@click.argument("deployment", required=False)
@with_json
@with_client
def explain(service: str, deployment: str | None, as_json: bool, client: Client) -> None:
    """Where the deployment of SERVICE is, why, what comes next, and when at the latest: in one
    sentence, and then with the numbers of each step and every transition.

    Without the id of a DEPLOYMENT (or its beginning), the one that runs or was the last.
    """
    answer = client.explain(service, deployment)
    if as_json:
        print_json(answer)
        return
    from tealmesh.cli.render import console
    from tealmesh.cli.screens.explained import explained_view

    out = console()
    out.print(explained_view(answer, out.width, time.time()))


COMMANDS = (explain,)
