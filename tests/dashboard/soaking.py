"""What an open page and its control plane hold, while much happens around them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page

from tests.support.planes.control_plane import ControlPlane
from tests.support.waiting import until

_ESTABLISHED = "01"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Held:
    """What is held at one moment, after the garbage has been collected."""

    heap: float
    """Bytes of the page's JavaScript."""
    nodes: float
    listeners: float
    connections: int
    """Of anybody to the control plane's API."""
    memory: int
    """Bytes of the control plane."""
    pid: int
    """Of the control plane: the memory of another process is another thing."""

    def __str__(self) -> str:
        return (
            f"heap {self.heap / 1e6:.2f} MB, {self.nodes:.0f} nodes, {self.listeners:.0f} listeners"
            f", {self.connections} connections, control plane {self.memory / 1e6:.1f} MB"
        )


def held(page: Page, devtools: CDPSession, plane: ControlPlane) -> Held:
    """What is held now. A page has let go of the last one a moment after it was left, and what the
    garbage collection found dead may hold something else.
    """
    assert plane.process is not None
    best: dict[str, float] = {}
    for _ in range(3):
        page.wait_for_timeout(200)
        devtools.send("HeapProfiler.collectGarbage")
        for one in devtools.send("Performance.getMetrics")["metrics"]:
            name, value = one["name"], one["value"]
            best[name] = min(value, best.get(name, value))
    statm = Path(f"/proc/{plane.process.pid}/statm").read_text().split()
    return Held(
        best["JSHeapUsedSize"],
        best["Nodes"],
        best["JSEventListeners"],
        connections(plane.port),
        int(statm[1]) * _PAGE_BYTES,
        plane.process.pid,
    )


def connections(port: int) -> int:
    """How many there are to a port of 127.0.0.1.
    https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt
    """
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    at = f"0100007F:{port:04X}"
    return sum(row[1] == at and row[3] == _ESTABLISHED for row in rows)


def growth(held: Sequence[Held]) -> list[str]:
    """What has grown from the first half to the second one, in words. The least of each half is
    compared: what a moment needs is none of it.
    """
    half = len(held) // 2
    first, second = held[:half], held[half:]
    grown = []
    allowed = {"heap": (1.05, 600_000.0), "nodes": (1.05, 60.0), "listeners": (1.0, 6.0)}
    for name, (times, more) in allowed.items():
        before, after = (min(getattr(one, name) for one in part) for part in (first, second))
        if after > before * times + more:
            grown.append(f"{name}: {before:.0f} → {after:.0f}")
    before, after = (min(one.connections for one in part) for part in (first, second))
    if after > before + 2:
        grown.append(f"connections: {before} → {after}")
    # Of one process alone, the last: what it needs to become warm is not growth.
    same = [one.memory for one in held if one.pid == held[-1].pid]
    if len(same) >= 8 and min(same[-3:]) > same[len(same) // 2] * 1.1 + 8e6:
        grown.append(f"control plane: {same[len(same) // 2]} → {min(same[-3:])} bytes")
    return grown


def shown(page: Page) -> dict[str, str]:
    """The weights that the overview shows, by side, without those that have no row."""
    rows = page.get_by_role("region", name="Services", exact=True).locator("tbody tr")
    found = {}
    for cells in rows.evaluate_all("all => all.map(row => [...row.cells].map(c => c.innerText))"):
        side, weight = (cells[2], cells[5]) if len(cells) > 10 else (cells[0], cells[3])
        found[side.split()[-1]] = weight.replace("\u202f", " ").replace("\xa0", " ")
    return found


def agrees(page: Page, status: Any) -> None:
    """Wait until the overview shows the weights of GetStatus. It looks once a second."""
    sides = status["services"][0]["sides"]
    total = sum(side["weight"] for side in sides)
    set_ = {side["side"]: f"{100 * side['weight'] // total} %" for side in sides if side["weight"]}

    def same() -> bool:
        seen = shown(page)
        return all(seen.get(side) == weight for side, weight in set_.items())

    until(same, lambda: f"the page shows {shown(page)}, the API {set_}")
