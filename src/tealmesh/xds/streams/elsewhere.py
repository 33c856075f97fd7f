"""Envoys of the same mesh at other replicas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from tealmesh.model.convergence import Reported
from tealmesh.xds.streams.connection import Envoy


class Elsewhere(Protocol):
    """What other replicas report of their Envoys."""

    def reported(self, mesh: str) -> Mapping[str, Reported]:
        """By id: those that are connected to another replica, and those that were to one that is
        gone, until they are connected again or known to be gone.
        """
        ...


class Moved(Protocol):
    """Hears of an Envoy of a mesh that has moved, or of all its Envoys."""

    def __call__(self, mesh: str, identity: str | None = None, /) -> None: ...


class Nowhere:
    """There are no other replicas."""

    def reported(self, mesh: str) -> Mapping[str, Reported]:
        return {}


def runs_there(envoy: Envoy | None, other: Reported | None, revision: int) -> bool | None:
    """Whether what another replica reports of an Envoy lets it count as running with a revision;
    None if only what is known here does. One that is connected to both counts when both say so.
    """
    if other is None:
        return None
    here = envoy is not None and bool(envoy.connections)
    runs = other.status.acknowledged >= revision
    if here and (runs or not other.status.connected):
        return None
    return runs


def refused_there(
    others: Mapping[str, Reported], waiting: Iterable[str], revision: int
) -> dict[str, str]:
    """What Envoys elsewhere have refused of a revision, of those that are ``waiting`` for it."""
    found = ((one, others[one]) for one in waiting if one in others)
    return {
        one: other.status.rejected
        for one, other in found
        if other.status.rejected and other.informed >= revision
    }
