"""The faults that a rehearsal injects. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict

Kind = Literal["errors", "latency", "hang", "crash", "slow-start", "leak"]
"""What the new version does wrong."""
Killed = Literal["envoy", "control-plane"]
"""What is killed beside a new version that does nothing wrong."""


class Wrong(TypedDict, total=False):
    """What `faulty` does to requests. Those to the health check's path are left alone, except by
    what keeps the process from running.
    """

    kind: Kind
    share: float
    """Of the requests that match, 0 to 1; all if left out."""
    status: int
    """What ``errors`` answer; 500 if left out."""
    seconds: float
    """By how much ``latency`` delays an answer, and ``slow-start`` the start."""
    requests: int
    """After how many requests a process crashes, or has no connection left."""
    method: str
    header: str
    """``NAME=VALUE``: only requests with this header."""


@dataclass(frozen=True)
class Fault:
    """One rehearsal."""

    name: str
    words: str
    wrong: Wrong | None = None
    killed: Killed | None = None
    succeeds: bool = False
    """Whether the deployment is to succeed all the same."""


FAULTS = (
    Fault("none", "nothing is wrong", succeeds=True),
    Fault("errors", "one request in five answers 500", {"kind": "errors", "share": 0.2}),
    Fault("not-found", "every request answers 404", {"kind": "errors", "status": 404}),
    Fault(
        "latency",
        "every second answer is 2 s late",
        {"kind": "latency", "share": 0.5, "seconds": 2},
    ),
    Fault("hang", "two requests in five get no answer", {"kind": "hang", "share": 0.4}),
    Fault("crash", "each process ends after 20 requests", {"kind": "crash", "requests": 20}),
    Fault("slow-start", "it never starts to listen", {"kind": "slow-start", "seconds": 3600}),
    Fault("leak", "each request takes a connection for good", {"kind": "leak", "requests": 20}),
    Fault("envoy-killed", "an Envoy of the new side is killed", killed="envoy", succeeds=True),
    Fault(
        "control-plane-killed", "the control plane is killed", killed="control-plane", succeeds=True
    ),
)
"""All rehearsals, in the order in which they are run."""
