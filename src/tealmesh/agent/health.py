"""Whether an Envoy may be given requests, from what it says of itself. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypedDict

CONNECTED = "/stats?filter=%5Econtrol_plane%5C.connected_state%24"
"""Asks whether Envoy has a stream to its control plane."""
READY = "/ready"
"""https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--ready"""

_STATE = re.compile(r"control_plane\.connected_state: (\d+)")


class Status(TypedDict):
    """What ``/status`` answers, by the names that App Mesh's agent had where it had one."""

    healthStatus: str
    """HEALTHY or UNHEALTHY."""
    reason: str
    """Why not; empty for healthy."""
    envoyState: str
    """What Envoy says: LIVE, PRE_INITIALIZING, INITIALIZING, DRAINING; empty for nothing."""
    envoyConnectivityState: str
    """CONNECTED or DISCONNECTED, to the control plane."""
    disconnectedSeconds: float
    envoyRestartCount: int
    agentUptimeSeconds: float
    draining: bool
    """Whether the task leaves."""


@dataclass
class Health:
    """What is known of one Envoy. Times are seconds of one clock."""

    started: float
    allowed: float
    """How long it may be without its control plane."""
    restarts: int = 0
    draining: bool = False
    _state: str = ""
    _connected: bool = False
    _since: float | None = None
    """Since when it is without its control plane."""

    def saw(self, now: float, ready: str | None, stats: str = "") -> None:
        """Envoy's answers to `READY` and `CONNECTED`; None for none."""
        self._state = (ready or "").strip()
        found = _STATE.search(stats)
        self._connected = ready is not None and found is not None and found[1] != "0"
        if self._connected:
            self._since = None
        elif self._since is None:
            self._since = now

    def status(self, now: float) -> Status:
        away = 0.0 if self._since is None else now - self._since
        reason = ""
        if not self._state:
            reason = "Envoy does not answer"
        elif self._state != "LIVE":
            reason = f"Envoy is {self._state}: it has no configuration from the control plane yet"
        elif away > self.allowed:
            reason = f"Envoy has been without its control plane for {away:.0f} s"
        return {
            "healthStatus": "UNHEALTHY" if reason else "HEALTHY",
            "reason": reason,
            "envoyState": self._state,
            "envoyConnectivityState": "CONNECTED" if self._connected else "DISCONNECTED",
            "disconnectedSeconds": round(away, 1),
            "envoyRestartCount": self.restarts,
            "agentUptimeSeconds": round(now - self.started, 1),
            "draining": self.draining,
        }
