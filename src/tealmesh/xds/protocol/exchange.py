"""What goes to and fro on a stream: requests, responses, and the verdicts on them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tealmesh.envoy.resources import Resource, ResourceType

ROOTS = frozenset({ResourceType.CLUSTER, ResourceType.LISTENER})
"""Types that an Envoy asks for as a whole. These name the resources of the other types that it then
asks for."""

WILDCARD = "*"


@dataclass(frozen=True)
class Request:
    """A DiscoveryRequest or a DeltaDiscoveryRequest."""

    nonce: str = ""
    error: str | None = None
    """Envoy's message in a NACK, else None."""

    # Of a DiscoveryRequest:
    names: tuple[str, ...] = ()
    version: str = ""

    # Of a DeltaDiscoveryRequest:
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    initial_versions: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def said(self) -> tuple[object, ...]:
        """All of it but the nonce: equal for two requests that ask for the same."""
        versions = tuple(sorted(self.initial_versions.items()))
        asked = (self.names, self.version, self.subscribe, self.unsubscribe)
        return (self.error, *asked, versions)


@dataclass(frozen=True)
class Offer:
    """What may be sent now of one type."""

    resources: Mapping[str, Resource]
    withheld: frozenset[str] = frozenset()
    """Names of resources that exist but may not be sent yet."""


@dataclass(frozen=True)
class Change:
    """The content of one response."""

    resources: Mapping[str, Resource]
    removed: frozenset[str]
    version: str
    """Identifies the whole state that the response leads to."""


@dataclass(frozen=True)
class Flight:
    """A response that has not been answered yet."""

    nonce: str
    at: float
    """When it was sent."""
    version: str
    upserts: Mapping[str, Resource]
    removed: frozenset[str]


@dataclass(frozen=True)
class Ack:
    """The Envoy accepted the response ``nonce``."""

    nonce: str


@dataclass(frozen=True)
class Nack:
    """The Envoy refused the response ``nonce``; ``message`` says why."""

    nonce: str
    message: str


NONCE_LENGTH = 8
"""Of nearly every nonce, so that requests can be told apart from their nonces."""


_NONCES = tuple(f"{number:0{NONCE_LENGTH}d}" for number in range(1024))
"""The first ones, which all streams share."""


def nonce_of(number: int) -> str:
    """What the response of this number on its stream is called."""
    return _NONCES[number] if number < len(_NONCES) else f"{number:0{NONCE_LENGTH}d}"


def version_of(resources: Mapping[str, Resource]) -> str:
    """A version that depends on the content alone, so that a restarted control plane agrees."""
    digest = hashlib.blake2b(digest_size=12)
    for name in sorted(resources):
        digest.update(f"{name}\0{resources[name].version}\0".encode())
    return digest.hexdigest()


def unknown(name: str, version: str) -> Resource:
    """A resource that an Envoy says it holds, but whose content we no longer know."""
    return Resource(name, version, b"", frozenset())


def is_unknown(resource: Resource) -> bool:
    """Whether `unknown` made it."""
    return not resource.body
