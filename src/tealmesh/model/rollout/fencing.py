"""The fencing token of a deployment: what changes the world for it names the transition that
ordered it, and is refused once the deployment has made another one.

So a control plane that stood still, and another one that has taken the deployment on meanwhile,
cannot both write: at our own endpoint the header is compared in the transaction that writes.
AWS ignores it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from urllib.parse import quote, unquote

HEADER = "Teal-Fence"
"""``SERVICE/DEPLOYMENT/TRANSITION``, the service quoted as in a URL."""

issued: ContextVar[str] = ContextVar("teal_fence_issued", default="")
"""What calls of this context send; empty for nothing."""
demanded: ContextVar[str] = ContextVar("teal_fence_demanded", default="")
"""What the request that this context answers was sent with."""


def token(service: str, deployment: str, transition: int) -> str:
    return f"{quote(service, safe='')}/{deployment}/{transition}"


def parsed(text: str) -> tuple[str, str, int] | None:
    """Service, deployment and transition of a token; None for anything else."""
    parts = text.split("/")
    if len(parts) != 3 or not parts[2].isdecimal() or len(parts[2]) > 18:
        return None
    return unquote(parts[0]), parts[1], int(parts[2])


@contextlib.contextmanager
def within(fence: ContextVar[str], text: str) -> Iterator[None]:
    """Set a token for what is done inside."""
    before = fence.set(text)
    try:
        yield
    finally:
        fence.reset(before)
