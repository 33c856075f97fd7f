"""The API calls of a control plane: counted, and those that changed something followed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tealmesh.model.identity.answering import Answering
from tealmesh.xds.streams.counts import Times

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Write:
    """A call that changed something."""

    call: Answering
    status: int
    at: float
    """When it came, in epoch seconds."""
    seconds: float
    """How long it took to answer it."""


@dataclass
class Calls:
    """`aws.gateway.Observe`. ``wrote`` is told of each call that changed something."""

    wrote: Callable[[Write], None]
    answered: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By service, operation and outcome."""
    times: dict[str, Times] = field(default_factory=dict)
    """By service."""

    def __call__(self, call: Answering, status: int, at: float, seconds: float) -> None:
        service = call.service or "none"
        # The names of other services' operations are whatever callers send.
        self.answered[service, call.operation or "other", outcome(status)] += 1
        self.times.setdefault(service, Times()).add(seconds)
        if call.revision:
            self.wrote(Write(call, status, at, seconds))


def outcome(status: int) -> str:
    """In a word, for people and labels."""
    if status < 400:
        return "done"
    return "refused" if status < 500 else "failed"
