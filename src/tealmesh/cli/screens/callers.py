"""Who called a service while it was deployed, and what each saw of both sides. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from tealmesh.cli.screens.fit import fitted
from tealmesh.cli.screens.render import side_style, table

if TYPE_CHECKING:
    from tealmesh.model import wire

MEASURES = (("requests", "requests"), ("failures", "failed"), ("clientErrors", "4xx"))


def callers_view(
    callers: Sequence[wire.CallerTraffic], deployment: wire.Deployment, width: int
) -> Table | Text:
    """A row for each caller; the busiest first."""
    if not callers:
        return Text("no caller was measured", style="dim")
    sides = (deployment.get("oldSide", "old"), deployment.get("newSide", "new"))

    def form(measures: Sequence[tuple[str, str]]) -> Table:
        heads = [f">{side} {word}" for side in sides for _, word in measures]
        rows = table("CALLER", *(head.upper() for head in heads), gap=2)
        for one in callers:
            cells = [Text(one["caller"], style="bold")]
            for side, counts in zip(sides, (one["old"], one["new"]), strict=True):
                for key, _ in measures:
                    number = {**counts}[key]
                    bad = key == "failures" and number
                    cells.append(Text(str(number), style="red" if bad else side_style(side)))
            rows.add_row(*cells)
        return rows

    return fitted(width, [partial(form, MEASURES), partial(form, MEASURES[:2])])
