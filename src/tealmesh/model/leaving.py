"""What the agent of a task's Envoy and the control plane say to each other when the task leaves.

Two gRPC methods with JSON as messages, on the port of ADS: so whatever may configure an Envoy may
announce that its task leaves, and nothing else can.

- ``Hello``, of anybody: for whom an Envoy's proof of its role has to be made (`ServerId`).
- ``Leave``, of an Envoy: its task takes no new requests from now on. Answered once no Envoy sends
  it any, or after ``wait`` seconds with those that may still do so. It may be asked again.
"""

from __future__ import annotations

import json
from typing import TypedDict

from tealmesh.model.errors import TealError

SERVICE = "tealmesh.Tasks"
HELLO = "Hello"
LEAVE = "Leave"

LONGEST_WAIT_SECONDS = 10.0


class ServerId(TypedDict):
    """The answer to ``Hello``."""

    serverId: str


class Leave(TypedDict):
    """The request of ``Leave``. Which task it is says the Envoy's token, not the request."""

    node: str
    """The node id of the Envoy, ``mesh/M/virtualNode/N``."""
    task: str
    """What the Envoy calls itself, which counts for one whose token names no task."""
    wait: float
    """Seconds until an answer, at most."""


class Left(TypedDict):
    """The answer to ``Leave``."""

    instances: int
    """Of the task in Cloud Map, that Envoys know. Without one, nobody can be told: callers find it
    by DNS, or through a load balancer."""
    acknowledged: bool
    """Whether every Envoy of the mesh has heard that they take no new requests."""
    gone: bool
    """Whether it is known that nobody sends to the task any more, without instances too: it has
    been drained before."""
    waiting: list[str]
    """Some of the Envoys that have not."""


def leave_of(message: bytes) -> Leave:
    """The request in a message. Raises TealError."""
    try:
        found = json.loads(message)
        node, task, wait = found["node"], found.get("task", ""), found.get("wait", 0)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise TealError(f"{LEAVE}: must be a JSON object with node, task and wait") from error
    if not isinstance(node, str) or not isinstance(task, str):
        raise TealError(f"{LEAVE}: node and task must be strings")
    if isinstance(wait, bool) or not isinstance(wait, int | float):
        raise TealError(f"{LEAVE}: wait must be a number of seconds")
    if not 0 <= wait <= LONGEST_WAIT_SECONDS:
        raise TealError(f"{LEAVE}: wait = {wait}: must be 0 to {LONGEST_WAIT_SECONDS:g} seconds")
    return {"node": node, "task": task, "wait": float(wait)}
