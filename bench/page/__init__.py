"""What a page costs, where a mesh has 200 virtual nodes and 200 virtual services: what it takes of
the control plane while it is open, and how soon each page shows what it is for.

``python -m bench page`` needs Chromium and the page that `make dashboard` builds.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
import time
from pathlib import Path

from tests.support.programs.chromium import BUILT, chromium, missing

from bench.measurement import Measurement
from bench.page import browser, cost
from bench.page.world import MESH, World, world

LIMIT_SECONDS = 100.0
"""After which no further page is looked at: on a machine that is busy it would never end."""
COMPRESSED = 200_000
"""Bytes that the page may have, without the layout of graphs."""


def measure() -> list[Measurement]:
    """Bytes, seconds of the control plane's processor, and times in a real browser. It ends within
    twelve minutes, and says on stderr what it looks at.
    """
    if why := missing():
        raise SystemExit(f"bench: nothing of the page is measured: {why}")
    _say("a control plane with 200 nodes, 200 services and 200 Envoys")
    with tempfile.TemporaryDirectory() as directory, world(Path(directory)) as made:
        ends = time.monotonic() + LIMIT_SECONDS
        return [*_bytes(), *_shown(made, ends), *_costs(made)]


def _say(what: str) -> None:
    print(f"  page: {what} …", file=sys.stderr, flush=True)


def _bytes() -> list[Measurement]:
    files = [path for path in (BUILT / "assets").iterdir() if path.is_file()]
    size = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in files}
    of_map = sum(size[name] for name in size if name.startswith("layout."))
    rest = sum(size.values()) - of_map
    name = "page, built and compressed, without the layout of graphs"
    return [Measurement(name, rest / 1000, "kB", of_map / 1000, "the layout", COMPRESSED / 1000)]


def _shown(made: World, ends: float) -> list[Measurement]:
    measured: list[Measurement] = []
    made.report(True)
    with chromium() as started, browser.watched(started, made.opened()) as page:
        _say("a page of one line")
        plain = page.plain()
        of = "the browser's for a page of one line"
        cold = "first paint of the first page of a browser that just started"
        measured.append(Measurement(cold, page.cold, "ms", plain, of))
        for name, address, row in made.pages():
            if time.monotonic() > ends:
                _say(f"{name} is left out: it is late")
                continue
            _say(name)
            shown = page.shown(address, row)
            if shown.row >= browser.LIMIT_SECONDS * 1000:
                _say(f"{name}: {row!r} was not shown within {browser.LIMIT_SECONDS:g} s")
            measured += _of_page(name, shown, plain)
            if address == f"#/mesh/{MESH}":
                _say("a weight that changes on it")
                block, worked = page.meanwhile(made.change_a_weight)
                what, of = (
                    f"{name}: longest block, a weight changes",
                    "of processor time, all tasks",
                )
                measured.append(Measurement(what, block, "ms", worked, of, 100))
    return measured


def _of_page(name: str, shown: browser.Shown, plain: float) -> list[Measurement]:
    worked = "of its own processor time"
    kept = f"{name}: main thread while open"
    block = "the longest block"
    return [
        Measurement(
            f"{name}: first paint", shown.painted, "ms", plain, "of a page of one line", 200
        ),
        Measurement(f"{name}: first row", shown.row, "ms", shown.worked, worked),
        Measurement(kept, shown.busy * 100, "% of a core", shown.blocked, block, of="ms"),
    ]


def _costs(made: World) -> list[Measurement]:
    measured = _cost(made, "traffic")
    made.give_up()
    measured += _cost(made, "idle")
    _say("the first snapshot")
    first = cost.first_snapshot(made)
    measured.append(Measurement("first snapshot", first[0], "ms", first[1], "of processor"))
    return measured


def _cost(made: World, what: str) -> list[Measurement]:
    _say(f"the control plane with a page and without, {what}")
    made.report(what == "traffic")
    found = cost.of_a_page(made)
    name, unit = f"open page, 200 nodes, {what}", "% of a core"
    beside = f"without a page; in {found.looks} looks it is sure to ± {found.give * 100:.2f} %"
    account = f"{name}, by its own account"
    less = "the measured difference"
    return [
        Measurement(name, found.added * 100, unit, found.alone * 100, beside, 1),
        Measurement(account, found.told * 100, unit, found.added * 100, less),
    ]
