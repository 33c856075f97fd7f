"""Parts of a service that deployments judge by themselves: the requests with a method, below a
path, or with a header.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

MOST_PARTS = 4
"""A request may be in several parts, and Envoys count every combination."""


class PartBody(TypedDict):
    """A `Part`."""

    method: str
    prefix: str
    header: str
    value: str


class WatchedBody(TypedDict):
    """The parts of a service that its callers' Envoys count, as its deployment began."""

    service: str
    router: str
    """Its virtual router."""
    parts: list[PartBody]


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
    def name(self) -> str:
        """What people call it, such as ``POST``, ``/pay``, ``POST /pay`` or ``x-tenant: acme``."""
        header = f"{self.header}: {self.value}" if self.header else ""
        return " ".join(filter(None, (self.method, self.prefix, header)))
