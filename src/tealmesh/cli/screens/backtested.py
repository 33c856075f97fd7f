"""What other gates would have said of past deployments, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from tealmesh.cli.screens.fit import short_image

if TYPE_CHECKING:
    from tealmesh.model import wire


def summary(found: Sequence[wire.BacktestedDeployment]) -> str:
    """How many would have been rolled back, in one line."""
    if not found:
        return "no finished deployment has recorded windows: nothing can be judged again"
    back = sum(one["wouldBe"] == "rolled back" for one in found)
    was = sum(one["was"] == "rolled back" for one in found)
    return f"would have rolled back {back} of {len(found)} (by measurement or by hand, {was} were)"


def table(found: Sequence[wire.BacktestedDeployment]) -> Table:
    """A line for each deployment."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("deployment", "was", "would be"):
        shown.add_column(name)
    shown.add_column("after", justify="right")
    shown.add_column("because", overflow="fold", ratio=1)
    for one in found:
        changed = one["was"] != one["wouldBe"]
        would = f"[bold]{one['wouldBe']}[/]" if changed else one["wouldBe"]
        name = f"{one['service']} {short_image(one['newImage'], 2)} {one['deploymentId'][:8]}"
        after = f"{one['afterSeconds']:.0f} s"
        shown.add_row(name, one["was"], would, after, one["because"])
    return shown
