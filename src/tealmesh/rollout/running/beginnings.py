"""Deployments as they begin, and what several are told at once, on the way to the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tealmesh.model.clock import Wall
from tealmesh.model.rollout import Deployment, JournalEntry, State
from tealmesh.rollout import journal
from tealmesh.rollout.effects import Event
from tealmesh.store import Transaction

Begun = tuple[Deployment, JournalEntry]
"""A deployment as it begins, with its journal's first entry."""

PutFirst = Callable[[Transaction, Deployment, JournalEntry], Deployment]
"""Stores a deployment as it begins, and returns it with its number."""


@dataclass(frozen=True)
class Together:
    """What several deployments are told at once."""

    events: Mapping[str, Event]
    """By id."""
    store: Callable[[Transaction], Sequence[Begun]]
    """Writes what else follows, in the same transaction, after what the events lead to, and returns
    the deployments that begin by it, with their numbers. It may refuse by raising."""


def begun_at(first: Deployment, now: Wall) -> Begun:
    """A deployment that begins now, by the time that is shown."""
    begun = replace(first, created_at=now, updated_at=now)
    return begun, journal.entry(begun, State.CREATED.value, begun.actor)
