"""What is known of a service's instances after an answer of Cloud Map. Pure.

An instance that Cloud Map no longer has is drained: Envoys send it no new requests, what is under
way ends, and after a while it is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

DRAIN_SECONDS = 60.0
"""How long an instance that is gone is kept as draining: four times the limit that a request has on
App Mesh. Envoy ends longer requests to a host that it no longer has in peace, too."""

Attributes = tuple[tuple[str, str], ...]
"""Sorted pairs of name and value."""

_ADDRESSES = frozenset({"AWS_INSTANCE_IPV4", "AWS_INSTANCE_IPV6"})


@dataclass(frozen=True)
class Seen:
    """An instance as an answer has it."""

    id: str
    attributes: Attributes
    healthy: bool = True
    """False for UNHEALTHY alone: a service without a health check says UNKNOWN."""


@dataclass(frozen=True)
class Held:
    """An instance as Envoys have it."""

    attributes: Attributes
    healthy: bool = True
    gone: float | None = None
    """Since how many seconds Cloud Map has not had it; None while it has."""

    @property
    def addresses(self) -> frozenset[str]:
        return frozenset(value for name, value in self.attributes if name in _ADDRESSES)


def settle(held: Mapping[str, Held], answer: Sequence[Seen]) -> dict[str, Held]:
    """What is known after an ``answer`` that is believed (`schedule`), by id.

    While not one of the instances is healthy, those that were go on counting as healthy: then the
    health check fails, or all are in trouble, and no other instance would do better. One that has
    not been healthy yet gets no requests for that.

    An address that is used again belongs to who has it now: Envoys know hosts by their addresses.
    """
    hopeless = not any(one.healthy for one in answer)
    found: dict[str, Held] = {}
    for one in answer:
        before = held.get(one.id)
        was_healthy = before is not None and before.gone is None and before.healthy
        found[one.id] = Held(one.attributes, one.healthy or (hopeless and was_healthy))
    in_use = {address for one in found.values() for address in one.addresses}
    for identity, before in held.items():
        gone = before.gone or 0.0
        if identity in found or gone >= DRAIN_SECONDS or before.addresses & in_use:
            continue
        found[identity] = replace(before, gone=gone)
    return found
