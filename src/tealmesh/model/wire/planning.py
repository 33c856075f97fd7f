"""What a deployment would do, in the answers of Tealmesh's own API."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class KnownFact(TypedDict):
    """Something that is known before a deployment starts."""

    bearing: str
    """``ok``; ``note``, worth knowing; ``refused``, it forbids the deployment; ``done``, it makes
    it needless.
    """
    about: str
    """What it is about, in a word."""
    detail: str
    """For people."""


class PlannedStage(TypedDict):
    """One stage of a deployment that has not started."""

    phase: str
    title: str
    """What is done."""
    weight: NotRequired[int]
    """The new side's share in percent; absent where it does not change."""
    waitsFor: list[str]
    """What has to come before the next stage."""
    expectedSeconds: NotRequired[float]
    """At the present traffic; absent if nobody knows."""
    expectedBy: NotRequired[str]
    """What that follows from, or why nobody knows."""
    longestSeconds: NotRequired[float]
    """Absent without a time limit."""
    otherwise: str
    """What happens when the time limit is exceeded."""


class PlanDeploymentOutput(TypedDict):
    """What PlanDeployment answers."""

    service: str
    image: str
    oldImage: NotRequired[str]
    """The image that serves now; absent if nobody knows."""
    oldSide: NotRequired[str]
    """The side that serves now; absent if that is not clear."""
    newSide: NotRequired[str]
    starts: bool
    """Whether the deployment would start."""
    known: list[KnownFact]
    """What is known before it starts."""
    stages: list[PlannedStage]
    """In order; empty if nobody knows where it would begin."""
    expectedSeconds: float
    """How long the stages take of which that is known, at the present traffic."""
    uncertain: list[str]
    """The stages of which nobody knows how long they take."""
    longestSeconds: float
    """How long the stages with a time limit may take."""
    wayBack: NotRequired[str]
    """How the deployment goes back, for people."""


class LintFinding(TypedDict):
    """Something that is odd or risky in how a service is deployed."""

    level: str
    """``risk`` if it may cost requests or promote a bad version, ``odd`` if it is probably not
    meant.
    """
    key: str
    """Where to change it, such as services.web.strategy.steps."""
    what: str
    """What it is, with its value."""
    why: str
    remedy: str
    """What to do."""


class LintOutput(TypedDict):
    """What Lint answers."""

    findings: list[LintFinding]
    """Risks first."""
