"""What Apply and Remove answer: everything that is created, changed or deleted."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Change(TypedDict):
    """One thing that is created, changed or deleted."""

    action: str
    """``create``, ``change`` or ``delete``."""
    what: str
    """In words, such as ``virtual node web-blue``."""
    details: NotRequired[list[str]]
    """What is different about it, with the old and the new value."""


class AppliedResource(TypedDict):
    """The changes that Apply made for one service or gateway."""

    name: str
    changes: list[str]
    """One line per resource created or changed; empty if nothing had to change."""


class ApplyOutput(TypedDict):
    """What Apply answers."""

    services: list[AppliedResource]
    gateways: list[AppliedResource]
    summary: list[str]
    """The changes in words, for people."""
    changes: list[Change]
    """Everything that is created, changed or deleted, in order."""
    notes: list[str]
    """What else there is to say, for people."""
    refused: list[str]
    """What was not applied, with the reason, for people; the rest was."""
    leftOver: list[str]
    """The services and gateways of the mesh that teal.toml does not describe any more."""


class RemoveOutput(TypedDict):
    """What Remove answers."""

    kind: str
    """``service`` or ``gateway``."""
    changes: list[Change]
    """What is deleted, in order."""
    callers: list[str]
    """What sends requests to it, in words."""
    waitingFor: list[str]
    """What has to stop first, in words."""
    done: bool
    """Whether nothing is left of it."""
