"""`teal demo` and `teal rehearse`: their options; `cli.demo` and `cli.rehearse` run them."""

from __future__ import annotations

from pathlib import Path

import click

from tealmesh.cli.options import Number, config_option, print_json, with_json
from tealmesh.model.errors import TealError


@click.command()
@click.option("--keep", is_flag=True, help="Leave the system running, and print addresses to try.")
@click.option(
    "--rate",
    type=click.IntRange(50, 20000),
    default=1400,
    show_default=True,
    metavar="N",
    help="Requests per second.",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Send fewer requests per step: a demonstration, not a measurement.",
)
def demo(keep: bool, rate: int, quick: bool) -> None:
    """Deploy version 2 of a sample service and then version 1 again, under load.

    Starts a control plane with real tasks and Envoys in a temporary directory, sends requests
    through a gateway and through the mesh, and prints a report. The exit code is 1 if any request
    failed.
    """
    from tealmesh.cli.demo.play import run_demo

    run_demo(keep=keep, rate=rate, quick=quick)


@click.command()
@click.argument("service")
@config_option("The system to rehearse.")
@click.option(
    "--fault",
    "named",
    multiple=True,
    metavar="FAULT",
    help="Rehearse this fault alone; may be repeated. `--fault list` shows all.",
)
@click.option(
    "--rate",
    type=Number(1, 5000),
    default=100.0,
    show_default=True,
    metavar="N",
    help="Requests per second, through the gateway.",
)
@click.option(
    "--path", default="", metavar="PATH", help="Where requests go (default: the gateway's prefix)."
)
@click.option(
    "--longest",
    type=Number(0.1, 3600),
    default=3.0,
    show_default=True,
    metavar="SECONDS",
    help="Limit step, bake and warm-up times to this.",
)
@click.option(
    "--limit",
    type=Number(1, 7200),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="The longest time for one deployment.",
)
@with_json
def rehearse(
    service: str,
    config_file: Path,
    named: tuple[str, ...],
    rate: float,
    path: str,
    longest: float,
    limit: float,
    as_json: bool,
) -> None:
    """Deploy faulty versions of SERVICE under load, on a control plane of their own, and report how
    long each rollback took and what callers lost.

    The system is that of teal.toml, with its strategy and gates, but on free ports and with short
    times; what runs elsewhere is not touched. The new version is the present one behind a proxy
    that makes the fault. The exit code is 1 if a deployment did not end as it should.
    """
    from tealmesh.cli.rehearse.faults import FAULTS

    if "list" in named:
        for fault in FAULTS:
            click.echo(f"{fault.name:<22} {fault.words}")
        return
    known = {fault.name: fault for fault in FAULTS}
    for name in named:
        if name not in known:
            raise click.UsageError(f"--fault {name}: must be one of {', '.join(known)}")
    faults = [fault for fault in FAULTS if not named or fault.name in named]
    from tealmesh.cli.rehearse import report
    from tealmesh.cli.rehearse.play import rehearse as play
    from tealmesh.cli.rehearse.stage import Stage
    from tealmesh.cli.screens.waiting import waiting

    stage = Stage(config_file, service, longest, path)
    with waiting("beginning") as told:

        def say(words: str) -> None:
            told.say(words)
            told.begin(words)

        played = play(stage, faults, rate, limit, say)
    if as_json:
        print_json({"rehearsals": [report.line(one) for one in played]})
    else:
        from rich.console import Console

        out = Console()
        out.print(report.table(played, out.width))
    wrong = [one.fault.name for one in played if not one.as_it_should]
    if wrong:
        raise TealError(f"not as it should: {', '.join(wrong)}")


COMMANDS = (demo, rehearse)
