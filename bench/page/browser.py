"""How soon a page shows something in a real browser, and what it does to its main thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser

_WATCH = """
(row) => {
  window.seenRow = new Promise((resolve) => {
    const look = () => {
      if (document.querySelector(row)) resolve(performance.now());
      else requestAnimationFrame(look);
    };
    look();
  });
  window.painted = new Promise((resolve) => {
    new PerformanceObserver((list) => {
      for (const one of list.getEntries())
        if (one.name === "first-contentful-paint") resolve(one.startTime);
    }).observe({ type: "paint", buffered: true });
  });
  window.blocks = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) window.blocks.push(one.duration);
  }).observe({ type: "longtask", buffered: true });
}
"""
_SECONDS = 10.0


@dataclass(frozen=True)
class Shown:
    """Times in milliseconds, since the page was asked for."""

    painted: float
    """First contentful paint."""
    row: float
    """The first of what the page is for."""
    worked: float
    """The processor time of the main thread until then."""
    blocked: float
    """The longest task of the main thread until some seconds later; 0 if none took 50 ms."""
    busy: float
    """The share of a core that the main thread uses while the page stays open."""


def shown(browser: Browser, opened: str, address: str, row: str) -> Shown:
    """Open a page at an address. ``opened``: what signs in once; ``row``: a selector."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        page = context.new_page()
        page.goto(opened)
        page.locator(".link.good").wait_for()
        page.add_init_script(f"({_WATCH})({row!r})")
        devtools = context.new_cdp_session(page)
        # Processor time: on a busy machine the time by the clock says little.
        devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        begin = opened.partition("#")[0]
        # Another document, or the address would only be followed inside of the one that is open.
        page.goto("about:blank")
        page.goto(f"{begin}{address}")
        at = float(page.evaluate("() => window.seenRow"))
        painted = float(page.evaluate("() => window.painted"))
        before = _metrics(devtools)
        page.wait_for_timeout(_SECONDS * 1000)
        after = _metrics(devtools)
        busy = (after["TaskDuration"] - before["TaskDuration"]) / _SECONDS
        blocks = page.evaluate("() => window.blocks")
        worked = before["TaskDuration"] * 1000
        return Shown(painted, at, worked, max(blocks, default=0.0), busy)
    finally:
        context.close()


def _metrics(devtools: Any) -> dict[str, float]:
    return {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
