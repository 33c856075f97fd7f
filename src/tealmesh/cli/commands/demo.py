"""`teal demo`, as far as `teal --help` needs it."""

from __future__ import annotations

import click


@click.command(short_help="See a deployment under load, start to end.")
@click.option("--keep", is_flag=True, help="Leave it running at the end, with addresses to try.")
@click.option(
    "--rate",
    type=click.IntRange(50, 20000),
    default=1400,
    show_default=True,
    metavar="N",
    help="Requests a second.",
)
@click.option("--quick", is_flag=True, help="Fewer requests a step: a look, not a measurement.")
def demo(keep: bool, rate: int, quick: bool) -> None:
    """From version 1 to version 2 and back under load, on this machine.

    Starts a control plane in a temporary directory with real tasks and Envoys, sends load through
    a gateway and through the mesh, and ends with a report. Exit code 1 when any request failed.
    """
    from tealmesh.cli.demo.play import run_demo

    run_demo(keep=keep, rate=rate, quick=quick)


COMMANDS = (demo,)
