"""`teal demo`: its options; the demo itself is `cli.demo.play`."""

from __future__ import annotations

import click


@click.command(short_help="Watch two deployments under load.")
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


COMMANDS = (demo,)
