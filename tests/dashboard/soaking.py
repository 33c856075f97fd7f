"""What an open page and its control plane hold, while much happens around them."""

from __future__ import annotations

import contextlib
import http.client
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import CDPSession, Page

from tests.support.planes.control_plane import ControlPlane
from tests.support.programs.relay import Relay
from tests.support.waiting import until

_ESTABLISHED = "01"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
STREAMS = 1
"""The connections to a control plane with a page that is open and rests: its stream."""


@dataclass(frozen=True)
class Held:
    """What is held while nothing happens, after the garbage has been collected."""

    heap: float
    """Bytes of the page's JavaScript."""
    told: int
    """Bytes of what the control plane tells the page: all that it is about. Tasks that have stopped
    are shown for an hour, so this grows with the deployments."""
    nodes: float
    listeners: float
    memory: int
    """Bytes of the control plane."""
    stored: int
    """Bytes of the documents that it has in memory."""
    files: int
    """That the control plane has open, sockets among them, without both ends of the connections to
    itself: it has a bounded number of those."""
    pid: int
    """Of the control plane: the memory of another process is another thing."""

    def __str__(self) -> str:
        return (
            f"heap {self.heap / 1e6:.3f} MB for {self.told / 1e3:.0f} kB told, {self.nodes:.0f} "
            f"nodes, {self.listeners:.0f} listeners; control plane {self.memory / 1e6:.1f} MB for "
            f"{self.stored / 1e3:.0f} kB of documents, {self.files} files"
        )


class Bounds(NamedTuple):
    """How much more may be held for each byte that there is more of, and besides."""

    times: float
    more: float


COUNTED = {"nodes": 20, "listeners": 6, "files": 2}
"""By how much each may grow before page and control plane had what they need: so much was seen in
runs of half a minute. A leak of one a round is more than that after a minute. Once they had it, not
one more of any was seen in 41 minutes, so none may be."""
PAGE = Bounds(6.0, 350_000)
"""An object takes some times its JSON. Ten minutes of what is measured of a service, each second,
are remembered for its plots, and compiled code is kept."""
PLANE = Bounds(8.0, 2_000_000)
"""Six to seven times the JSON of the documents was seen, with deployments as the only news."""


def rests(page: Page, devtools: CDPSession, plane: ControlPlane, wire: Relay, token: str) -> Held:
    """What is held once everything has come to rest: the browser comes back for its stream alone,
    and what the garbage collection finds dead may hold something else. ``token``: of who may look.
    """
    assert plane.process is not None
    pid = plane.process.pid
    wire.cut()
    # The control plane keeps a connection that nobody uses for 75 s.
    until(
        lambda: connections(plane.port, pid).others == STREAMS,
        lambda: f"{connections(plane.port, pid)} remain",
        seconds=120,
    )
    best: dict[str, float] = {}
    files: list[int] = []
    for _ in range(6):
        page.wait_for_timeout(300)
        devtools.send("HeapProfiler.collectGarbage")
        for one in devtools.send("Performance.getMetrics")["metrics"]:
            name, value = one["name"], one["value"]
            best[name] = min(value, best.get(name, value))
        own = connections(plane.port, pid).own
        files.append(len(os.listdir(f"/proc/{pid}/fd")) - 2 * own)
    statm = Path(f"/proc/{pid}/statm").read_text().split()
    return Held(
        heap=best["JSHeapUsedSize"],
        told=_told(plane.port, token),
        nodes=best["Nodes"],
        listeners=best["JSEventListeners"],
        memory=int(statm[1]) * _PAGE_BYTES,
        stored=_stored(plane),
        files=min(files),
        pid=pid,
    )


class Connections(NamedTuple):
    """To a control plane: those of itself, which it keeps, and those of others."""

    own: int
    others: int


def connections(port: int, pid: int) -> Connections:
    """Those to a port of 127.0.0.1 at which the process ``pid`` listens.
    https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt
    """
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [row for row in map(str.split, lines) if row[3] == _ESTABLISHED]
    at = f"0100007F:{port:04X}"
    sockets = {row[1]: f"socket:[{row[9]}]" for row in rows}
    mine: set[str] = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        # What is closed meanwhile is open no more.
        with contextlib.suppress(FileNotFoundError):
            mine.add(os.readlink(path))
    peers = [row[2] for row in rows if row[1] == at]
    own = sum(sockets.get(peer) in mine for peer in peers)
    return Connections(own, len(peers) - own)


def _told(port: int, token: str) -> int:
    """The bytes of a snapshot of the stream."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/_teal/stream", headers={"authorization": f"Teal {token}"})
    response = connection.getresponse()
    size = 0
    while (line := response.readline()) not in (b"\n", b""):
        size += len(line)
    response.close()
    connection.close()
    return size


def _stored(plane: ControlPlane) -> int:
    """The bytes of all documents."""
    path = plane.directory / "data" / "state.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        found = database.execute("SELECT sum(length(body)) FROM documents").fetchone()
    return int(found[0])


def growth(before: Held, after: Held, *, warm: bool) -> list[str]:
    """What has grown between two rests of the same page, in words. ``warm``: whether page and
    control plane had what they need at the first one, so that their memory says something.
    """
    assert before.pid == after.pid, "another process is another thing"
    grown = [
        f"{name}: {getattr(before, name):.0f} → {getattr(after, name):.0f}"
        for name, most in COUNTED.items()
        if getattr(after, name) > getattr(before, name) + (0 if warm else most)
    ]
    for name, bounds, more in (
        ("heap", PAGE, after.told - before.told),
        ("memory", PLANE, after.stored - before.stored),
    ):
        if not warm:
            continue
        held, now = getattr(before, name), getattr(after, name)
        if now - held > bounds.times * max(0, more) + bounds.more:
            grown.append(f"{name}: {held:.0f} → {now:.0f}, of what there is {more:+d} bytes")
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
