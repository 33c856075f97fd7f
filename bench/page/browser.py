"""How soon a page shows something in a real browser, and what it does to its main thread."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.sync_api import Browser, Page

from bench.measurement import quantile

_WATCH = """
({ row, most }) => {
  const late = () => new Promise((resolve) => setTimeout(() => resolve(null), most));
  window.seenRow = Promise.race([late(), new Promise((resolve) => {
    const look = () => {
      if (document.querySelector(row)) resolve(performance.now());
      else requestAnimationFrame(look);
    };
    look();
  })]);
  window.painted = Promise.race([late(), new Promise((resolve) => {
    new PerformanceObserver((list) => {
      for (const one of list.getEntries())
        if (one.name === "first-contentful-paint") resolve(one.startTime);
    }).observe({ type: "paint", buffered: true });
  })]);
  window.blocks = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) window.blocks.push(one.duration);
  }).observe({ type: "longtask", buffered: true });
}
"""
_PAINTED = """
() => new Promise((resolve) => new PerformanceObserver((list) => {
  for (const one of list.getEntries())
    if (one.name === "first-contentful-paint") resolve(one.startTime);
}).observe({ type: "paint", buffered: true }))
"""
_ONE_LINE = b"<!doctype html><title>one line</title><p>one line"
LIMIT_SECONDS = 20.0
"""Of each look: what is not shown by then is told as that."""
_OPEN_SECONDS = 3.0
_LOADS = 3
"""Of which the median counts: the first one of a browser starts a process."""


@dataclass(frozen=True)
class Shown:
    """Times in milliseconds, since the page was asked for."""

    painted: float
    """First contentful paint."""
    row: float
    """The first of what the page is for; `LIMIT_SECONDS` if it did not come."""
    worked: float
    """The processor time of the main thread until then."""
    blocked: float
    """The longest task of the main thread until some seconds later; 0 if none took 50 ms."""
    busy: float
    """The share of a core that the main thread uses while the page stays open."""


class Watched:
    """A page that is signed in, and its main thread."""

    def __init__(self, page: Page, begin: str, cold: float) -> None:
        """``begin``: the address without what is after the #."""
        self.cold = cold
        """The first paint of the first page that its browser opened at all, in milliseconds."""
        self._page = page
        self._begin = begin
        self._devtools = page.context.new_cdp_session(page)
        # Processor time: on a busy machine the time by the clock says little.
        self._devtools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def shown(self, address: str, row: str) -> Shown:
        """Open a page at an address, several times. ``row``: a selector."""
        self._devtools.send("Page.enable")
        source = f"({_WATCH})({json.dumps({'row': row, 'most': LIMIT_SECONDS * 1000})})"
        script = self._devtools.send("Page.addScriptToEvaluateOnNewDocument", {"source": source})
        looks = [self._load(address)]
        while len(looks) < _LOADS and looks[-1][1] < LIMIT_SECONDS * 1000:
            looks.append(self._load(address))
        used = self._used()
        self._page.wait_for_timeout(_OPEN_SECONDS * 1000)
        busy = (self._used() - used) / _OPEN_SECONDS
        self._devtools.send("Page.removeScriptToEvaluateOnNewDocument", script)
        painted, at, worked = (quantile(values, 0.5) for values in zip(*looks, strict=True))
        return Shown(painted, at, worked * 1000, self.blocked(), busy)

    def plain(self) -> float:
        """The first paint of a page of one line, in milliseconds: what the browser takes for any
        page, from a server that does nothing else.
        """
        with _serving(_ONE_LINE) as at:
            painted = []
            for _ in range(_LOADS):
                self._page.goto("about:blank")
                self._page.goto(at)
                painted.append(self._page.evaluate(_PAINTED))
        return quantile(painted, 0.5)

    def _load(self, address: str) -> tuple[float, float, float]:
        # Another document, or the address would only be followed inside of the one that is open.
        self._page.goto("about:blank")
        used = self._used()
        self._page.goto(f"{self._begin}{address}")
        at = self._page.evaluate("() => window.seenRow")
        painted = self._page.evaluate("() => window.painted")
        limit = LIMIT_SECONDS * 1000
        return painted or limit, at or limit, max(0.0, self._used() - used)

    def blocked(self) -> float:
        """The longest task since the page was loaded or this was asked, in milliseconds."""
        blocks = self._page.evaluate("() => window.blocks.splice(0)")
        return max(blocks, default=0.0)

    def meanwhile(self, act: Callable[[], None]) -> tuple[float, float]:
        """The longest task while something happens that the page shows within some seconds, and the
        processor time of all of them, in milliseconds.
        """
        self.blocked()
        used = self._used()
        act()
        self._page.wait_for_timeout(_OPEN_SECONDS * 2000)
        return self.blocked(), (self._used() - used) * 1000

    def _used(self) -> float:
        metrics = self._devtools.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


@contextmanager
def watched(browser: Browser, opened: str) -> Iterator[Watched]:
    """A page of its own. ``opened``: what signs in once."""
    size: Any = {"width": 1280, "height": 900}
    context = browser.new_context(viewport=size)
    context.set_default_timeout(LIMIT_SECONDS * 1000)
    try:
        page = context.new_page()
        page.goto(opened)
        cold = page.evaluate(_PAINTED)
        page.locator(".link.good").wait_for()
        yield Watched(page, opened.partition("#")[0], cold)
    finally:
        context.close()


@contextmanager
def _serving(body: bytes) -> Iterator[str]:
    """A server on loopback that answers everything with one HTML page; yields its address."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
