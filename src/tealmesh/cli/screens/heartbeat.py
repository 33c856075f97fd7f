"""What is said while a deployment takes its time: where it is, and that it gets no requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from tealmesh.cli.screens import render, standing

if TYPE_CHECKING:
    from tealmesh.model import wire

SECONDS = 10.0
"""Without a terminal, a line is printed at least so often."""
QUIET_SECONDS = 5.0
"""A step that had no request for so long is told how to get some."""


class Heartbeat:
    """Prints to ``out``. ``clock``: seconds that never jump."""

    def __init__(self, out: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._clock = clock
        self._last = clock()
        self._quiet_since: float | None = None
        self._advised = False

    def printed(self) -> None:
        """Something else has been printed."""
        self._last = self._clock()

    def look(self, deployment: wire.Deployment, find: Callable[[], Sequence[str]]) -> None:
        """Say what there is to be said about a deployment now. ``find``: the URLs at which its
        service gets requests.
        """
        now = self._clock()
        self._advise(deployment, now, find)
        if self._out.is_terminal or now - self._last < SECONDS:
            return
        if "IN_PROGRESS" in deployment["status"]:
            words = [standing.where(deployment), *standing.waiting(deployment)]
            self._out.print(f"{render.clock(time.time())}  {'; '.join(words)}", markup=False)
            self._last = now

    def _advise(
        self, deployment: wire.Deployment, now: float, find: Callable[[], Sequence[str]]
    ) -> None:
        if not lacks_requests(deployment):
            self._quiet_since = None
            return
        if self._quiet_since is None:
            self._quiet_since = now
        if self._advised or now - self._quiet_since < QUIET_SECONDS:
            return
        self._advised = True
        urls = find()
        self._out.print(advice(deployment["service"], urls), style="yellow", markup=False)
        self._last = now


def lacks_requests(deployment: wire.Deployment) -> bool:
    """Whether a step is being measured and nobody has sent a request."""
    if deployment["status"] != "IN_PROGRESS" or deployment.get("state") != "MEASURING":
        return False
    evidence = deployment.get("evidence", [])
    return not evidence or not evidence[-1].get("totalRequests")


def advice(service: str, urls: Sequence[str]) -> str:
    """What to do for a service that gets no requests."""
    if not urls:
        return f"no requests reach {service}: send some to it from another service of the mesh"
    return (
        f"no requests reach {service}: send some to {urls[0]}, such as with `teal load {urls[0]}` "
        "in another terminal"
    )


def addresses(status: wire.GetStatusOutput, service: str) -> list[str]:
    """The URLs of gateways that lead to a service."""
    found = []
    for gateway in status["gateways"]:
        bases = gateway.get("addresses")
        if bases is None:
            bases = [f"http://{gateway['address']}:{gateway['port']}/"]
        for prefix, to in gateway.get("routes", {}).items():
            if to == service:
                found += [f"{base.rstrip('/')}{prefix}" for base in bases]
    return found
