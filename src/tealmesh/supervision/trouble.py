"""What is told of a worker that fails. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from tealmesh.model.errors import TealError

EVERYTHING = ""
"""A worker that concerns everything: nothing goes on while it fails."""

NOBODY = "-"
"""A worker that no service depends on. No name of a service is a hyphen."""


@dataclass(frozen=True)
class Trouble:
    """A worker that fails at present."""

    worker: str
    """What it is, in words: "the service web-green"."""
    error: str
    """The last line of the error that it failed with last."""
    concerns: str
    """The ECS service, or the service of a deployment, that it works for; else
    `EVERYTHING`, or `NOBODY`.
    """
    since: float
    """When it failed first, in seconds since the epoch: to be shown."""
    times: int
    """How often it has failed since."""
    next_try: float | None
    """Seconds until it is tried again; None while it is being tried, or if whoever needs it asks
    again by itself.
    """


Told = Callable[[Literal["fails", "works"], Trouble], None]
"""Called when a worker begins to fail, fails in another way, or works again."""


def last_line(error: BaseException) -> str:
    """An error as users see it: ours are sentences, others are named by their class. Of a group,
    the first.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if isinstance(error, TealError) and lines:
        return lines[-1]
    return ": ".join([type(error).__name__, *lines[-1:]])


def described(trouble: Trouble) -> str:
    """One sentence for people, without the worker's name."""
    again = "" if trouble.next_try is None else f"; tried again in {trouble.next_try:.0f} s"
    times = "" if trouble.times == 1 else f" ({trouble.times} times)"
    return f"{trouble.error}{times}{again}"


def concerning(troubles: Iterable[Trouble], names: Iterable[str]) -> list[Trouble]:
    """The troubles that hold up what belongs to the services ``names``: theirs, and those that
    concern everything.
    """
    wanted = {*names, EVERYTHING}
    return [trouble for trouble in troubles if trouble.concerns in wanted]
