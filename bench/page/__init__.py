"""What a page costs, where a mesh has 200 virtual nodes and 200 virtual services: what it takes of
the control plane while it is open, and how soon each page shows what it is for.

``python -m bench page`` needs Chromium and the page that `make dashboard` builds.
"""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

from tests.support.programs.chromium import BUILT, chromium, missing

from bench.measurement import Measurement
from bench.page import browser, cost
from bench.page.world import World, world

COMPRESSED = 200_000
"""Bytes that the page may have, without the layout of graphs."""


def measure() -> list[Measurement]:
    """Bytes, seconds of the control plane's processor, and times in a real browser."""
    if why := missing():
        raise SystemExit(f"bench: nothing of the page is measured: {why}")
    with tempfile.TemporaryDirectory() as directory, world(Path(directory)) as made:
        return [*_bytes(), *_shown(made), *_costs(made)]


def _bytes() -> list[Measurement]:
    files = [path for path in (BUILT / "assets").iterdir() if path.is_file()]
    size = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in files}
    of_map = sum(size[name] for name in size if name.startswith("layout."))
    rest = sum(size.values()) - of_map
    name = "page, built and compressed, without the layout of graphs"
    return [Measurement(name, rest / 1000, "kB", of_map / 1000, "the layout", COMPRESSED / 1000)]


def _shown(made: World) -> list[Measurement]:
    measured: list[Measurement] = []
    made.report(True)
    with chromium() as started:
        for name, address, row in made.pages():
            shown = browser.shown(started, made.opened(), address, row)
            measured += [
                Measurement(
                    f"{name}: first paint", shown.painted, "ms", shown.row, "until a row", 200
                ),
                Measurement(
                    f"{name}: first row", shown.row, "ms", shown.worked, "of its own processor time"
                ),
                Measurement(
                    f"{name}: main thread while open",
                    shown.busy * 100,
                    "% of a core",
                    shown.blocked,
                    "ms of the longest block",
                ),
            ]
    return measured


def _costs(made: World) -> list[Measurement]:
    measured: list[Measurement] = []
    for what in ("idle", "traffic"):
        made.report(what == "traffic")
        alone, opened = cost.of_a_page(made)
        name = f"open page, 200 nodes, {what}"
        added, before = (opened - alone) * 100, alone * 100
        measured.append(Measurement(name, added, "% of a core", before, "without a page", 1))
    first = cost.first_snapshot(made)
    measured.append(Measurement("first snapshot", first[0], "ms", first[1], "ms of processor"))
    return measured
