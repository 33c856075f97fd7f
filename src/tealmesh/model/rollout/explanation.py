"""Why a deployment is where it is, in words, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass

from tealmesh.model.rollout import GateResult


@dataclass(frozen=True)
class StepTold:
    """One step."""

    title: str
    """``step 2 of 3 (50 % to green)``."""
    measured: str
    """What callers saw, in a sentence."""
    findings: tuple[GateResult, ...]
    """What each gate found."""
    outcome: str
    """How the deployment went on, and why."""
    began: float
    """Seconds since the epoch."""
    ended: float | None
    """None while it is measured."""


@dataclass(frozen=True)
class Explanation:
    """Why a deployment is where it is."""

    sentence: str
    """The next four in one sentence."""
    doing: str
    """What it does, completing "the deployment …"."""
    why: str
    following: str
    """What comes next."""
    latest: str
    """When at the latest, and what happens then."""
    latest_at: float | None
    """The same in epoch seconds; None without a limit."""
    steps: tuple[StepTold, ...]


@dataclass(frozen=True)
class Difference:
    """A value that differs."""

    what: str
    """Its path, such as ``containerDefinitions[app].memory``."""
    before: str = ""
    """As JSON; empty if it was not there."""
    after: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.before or '(none)'} → {self.after or '(none)'}"


@dataclass(frozen=True)
class DefinitionChange:
    """The task definitions of both sides, and how they differ."""

    old: str = ""
    """The ARN; empty if it is not known, or not yet."""
    new: str = ""
    differences: tuple[Difference, ...] = ()
    complete: bool = False
    """Whether both are known, so that no difference means that there is none."""
