"""`teal lint`: what is odd or risky in how services are deployed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tealmesh.cli.options import print_json, read_text, with_client, with_json
from tealmesh.model.errors import NoControlPlane

if TYPE_CHECKING:
    from tealmesh.cli.client import Client
    from tealmesh.model import wire

HEALTH_SECONDS = 1.0
"""A control plane that does not answer in this time is not asked about traffic."""
_SIGNS = {"risk": "red", "odd": "yellow"}


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--offline", is_flag=True, help="Check FILE alone, without asking a control plane.")
@with_json
@with_client
def lint(file: Path | None, offline: bool, as_json: bool, client: Client) -> None:
    """What is odd or risky in the strategy, gates, health checks, time limits, retries and tasks of
    services: what it is, why, and what to do. The exit code is 1 if there is a risk.

    FILE is a teal.toml, by default that of this directory; without one, it is what the control
    plane has, services that Terraform made too. What the rules about traffic need is known if a
    control plane answers.
    """
    if file is None and Path("teal.toml").exists():
        file = Path("teal.toml")
    if file is None and offline:
        raise click.UsageError("--offline needs a FILE")
    findings = _of_file(file, offline, client) if file is not None else client.lint()["findings"]
    if as_json:
        print_json(findings)
    else:
        _show(findings, str(file) if file is not None else "what is deployed")
    if any(finding["level"] == "risk" for finding in findings):
        raise SystemExit(1)


def _of_file(file: Path, offline: bool, client: Client) -> list[wire.LintFinding]:
    from tealmesh.model.config.parse import parse_any
    from tealmesh.model.linting import lint as lint_all
    from tealmesh.model.linting import of_config

    text = read_text(file, "FILE")
    config = parse_any(text, str(file))
    if not offline:
        try:
            client.health(HEALTH_SECONDS)
            return client.lint(text, str(file))["findings"]
        except NoControlPlane:
            click.echo("no control plane answers: nothing is known of traffic", err=True)
    return [
        {"level": f.level, "key": f.key, "what": f.what, "why": f.why, "remedy": f.remedy}
        for f in lint_all(of_config(config))
    ]


def _show(findings: list[wire.LintFinding], where: str) -> None:
    from rich.text import Text

    from tealmesh.cli.screens.fit import folded
    from tealmesh.cli.screens.render import console

    out = console()
    for finding in findings:
        level = Text(f"{finding['level']:<4}", style=_SIGNS.get(finding["level"], ""))
        head = Text(f"{finding['key']}: ", style="bold")
        head.append(finding["what"], style="default")
        for line in folded([[level, head]], out.width):
            out.print(line)
        rest = [[Text("why"), Text(finding["why"])], [Text("do"), Text(finding["remedy"])]]
        for line in folded(rest, out.width, indent=6):
            out.print(line)
    risks = sum(finding["level"] == "risk" for finding in findings)
    odd = len(findings) - risks
    click.echo(
        f"{where}: {risks} {'risk' if risks == 1 else 'risks'}, {odd} odd"
        if findings
        else f"{where}: nothing odd or risky"
    )


COMMANDS = (lint,)
