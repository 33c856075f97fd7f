"""Parts of a service that deployments judge by themselves: the requests with a method, below a
path, or with a header.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

from tealmesh.model.traffic.windows import Counts

MOST_PARTS = 4
"""A request may be in several parts, and Envoys count every combination."""


class PartBody(TypedDict):
    """A `Part`."""

    method: str
    prefix: str
    header: str
    value: str


class WatchedBody(TypedDict):
    """The parts of a service that its callers' Envoys count: those of its deployment while one
    runs, else those of its settings.
    """

    service: str
    router: str
    """Its virtual router."""
    parts: list[PartBody]
    deployed: NotRequired[bool]
    """Whether it is deployed now, so that tasks are told apart, too. Without it, it is."""


@dataclass(frozen=True)
class Part:
    """The requests to a service that meet all of these conditions; one that is empty is none."""

    method: str = ""
    """As in the request: methods are written in capitals."""
    prefix: str = ""
    """The beginning of the path, as the service receives it."""
    header: str = ""
    """The name of a header, in lower case."""
    value: str = ""
    """The whole value of the header."""

    @property
    def key(self) -> str:
        """A number by which Envoys' counters tell it from all other parts, whatever is watched
        beside it and was watched before.
        """
        return str(zlib.crc32(self.name.encode()))

    @property
    def name(self) -> str:
        """What people call it, such as ``POST``, ``/pay``, ``POST /pay`` or ``x-tenant: acme``."""
        header = f"{self.header}: {self.value}" if self.header else ""
        return " ".join(filter(None, (self.method, self.prefix, header)))


@dataclass(frozen=True)
class PartTraffic:
    """What the callers of one side saw of a part in a window. Requests count when they have
    ended.
    """

    requests: int = 0
    failures: int = 0
    """Those that failed, as those of the whole service do (docs/gates.md)."""
    client_errors: int = 0
    """Those that were answered with a 4xx, or with gRPC's equivalents; never failures."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """The failures by kind, such as ``timed out``; they add up to ``failures``."""

    @property
    def counts(self) -> Counts:
        return Counts(self.requests, self.failures, self.client_errors)
