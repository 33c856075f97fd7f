"""What a deployment would do, as frozen data: nothing of it has happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tealmesh.model.rollout import Phase

Bearing = Literal["ok", "note", "refused", "done"]
"""Speaks for the deployment; is worth knowing; forbids it; or makes it needless."""


@dataclass(frozen=True)
class Known:
    """Something that is known before the deployment starts."""

    bearing: Bearing
    about: str
    """In a word, such as ``image``."""
    detail: str
    """For people."""


@dataclass(frozen=True)
class PlannedStage:
    """One stage. Times are in seconds."""

    phase: Phase
    title: str
    """What is done."""
    weight: int | None = None
    """The new side's share of the requests, in percent; None where it does not change."""
    waits_for: tuple[str, ...] = ()
    """What has to come before the next stage."""
    expected: float | None = None
    """How long it takes at the present traffic; None if nobody knows."""
    expected_by: str = ""
    """What that follows from."""
    longest: float | None = None
    """How long it may take; None without a limit."""
    otherwise: str = ""
    """What happens then."""


@dataclass(frozen=True)
class DeploymentPlan:
    """What a deployment would do."""

    service: str
    image: str
    known: tuple[Known, ...]
    stages: tuple[PlannedStage, ...] = ()
    old_image: str = ""
    old_side: str = ""
    new_side: str = ""
    way_back: str = ""

    @property
    def starts(self) -> bool:
        """Whether the deployment would start."""
        return not any(one.bearing in ("refused", "done") for one in self.known)

    @property
    def expected(self) -> float:
        """The seconds that are known."""
        return sum(stage.expected or 0.0 for stage in self.stages)

    @property
    def uncertain(self) -> tuple[str, ...]:
        """The stages of which nobody knows how long they take."""
        return tuple(stage.title for stage in self.stages if stage.expected is None)

    @property
    def longest(self) -> float:
        """The seconds that it may take, without stages that have no limit."""
        return sum(stage.longest or 0.0 for stage in self.stages)
