"""How requests reach a new version beside its weight, as frozen data with every default applied:
preview, mirror, A/B, and what keeps a user on one side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from tealmesh.model.teal import known_members

PREVIEW_HEADER = "x-teal-preview"
"""The header of a preview unless another is set. Gateways remove it at all times."""

STICKY_COOKIE = "teal-side"
"""The cookie by which users are kept on a side unless another is set."""


@dataclass(frozen=True)
class Preview:
    """Requests with a header reach the new side while it has no weight."""

    header: str = PREVIEW_HEADER
    """The header, in lower case, and the member of ``baggage`` of the same name; its value is the
    name of the side, or ``SERVICE=SIDE``."""
    allow: tuple[str, ...] = ()
    """The gateways that let the header pass; all others remove it."""


@dataclass(frozen=True)
class Mirror:
    """Copies of requests go to the new side before it gets weight; its answers are thrown away."""

    percent: float = 5.0
    """The share of requests that are copied, more than 0 and at most 100."""
    time: float = 60.0
    """The least time, in seconds."""
    methods: tuple[str, ...] = ("GET", "HEAD")
    """The methods of requests that may be copied."""


@dataclass(frozen=True)
class Cohort:
    """The requests that an A/B deployment sends to the new side: those with this header or
    cookie, of which one is set.
    """

    value: str
    header: str = ""
    """In lower case."""
    cookie: str = ""

    def __str__(self) -> str:
        if self.header:
            return f"header {self.header}: {self.value}"
        return f"cookie {self.cookie}={self.value}"


@dataclass(frozen=True)
class Sticky:
    """What keeps a user on one side: a header or a cookie, of which one is set."""

    header: str = ""
    """A header that names the user, in lower case."""
    cookie: str = ""
    """A cookie, which callers' Envoys set where it is missing."""
    ttl: float = 86_400.0
    """How long a cookie lasts, in seconds; 0 for as long as the browser runs."""

    def __str__(self) -> str:
        return f"header {self.header}" if self.header else f"cookie {self.cookie}"


class PreviewBody(TypedDict):
    """A `Preview`."""

    header: str
    allow: Sequence[str]


class MirrorBody(TypedDict):
    """A `Mirror`."""

    percent: float
    time: float
    methods: Sequence[str]


class CohortBody(TypedDict):
    """A `Cohort`."""

    value: str
    header: str
    cookie: str


class StickyBody(TypedDict):
    """A `Sticky`."""

    header: str
    cookie: str
    ttl: float


def stored_preview(body: PreviewBody | None) -> Preview | None:
    """The preview that a stored body holds."""
    if body is None:
        return None
    return Preview(**{**known_members(Preview, body), "allow": tuple(body["allow"])})


def stored_mirror(body: MirrorBody | None) -> Mirror | None:
    """The mirror that a stored body holds."""
    if body is None:
        return None
    return Mirror(**{**known_members(Mirror, body), "methods": tuple(body["methods"])})


def stored_cohort(body: CohortBody | None) -> Cohort | None:
    """The cohort that a stored body holds."""
    return None if body is None else Cohort(**known_members(Cohort, body))


def stored_sticky(body: StickyBody | None) -> Sticky | None:
    """The stickiness that a stored body holds."""
    return None if body is None else Sticky(**known_members(Sticky, body))
