"""What a deployment does and why, in the answers of Tealmesh's own API."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from tealmesh.model.wire.deployments import Deployment, GateVerdict, JournalEntry


class ExplainedStep(TypedDict):
    """What a step of a deployment found, and how it went on."""

    title: str
    """Which step, and the new side's share."""
    measured: str
    """What callers saw, in a sentence."""
    findings: list[GateVerdict]
    """What each gate found."""
    outcome: str
    """How the deployment went on, and why."""
    startedAt: NotRequired[float]
    finishedAt: NotRequired[float]
    """Absent while it is measured."""


class GetEvidenceOutput(TypedDict):
    """What GetEvidence answers."""

    deploymentId: str
    bundle: str
    """A `model.rollout.bundle.Bundle` as JSON."""
    page: NotRequired[str]
    """HTML."""


class BacktestedDeployment(TypedDict):
    """A deployment, judged by other gates."""

    service: str
    deploymentId: str
    newImage: str
    was: str
    """``passed``, ``rolled back`` or ``no verdict``."""
    wouldBe: str
    because: str
    afterSeconds: float
    windows: int


class BacktestOutput(TypedDict):
    """What Backtest answers."""

    deployments: list[BacktestedDeployment]


class DefinitionDifference(TypedDict):
    """A value that differs between two task definitions. Secret ones are not told."""

    what: str
    """Its path."""
    before: NotRequired[str]
    """As JSON; absent if it was not there."""
    after: NotRequired[str]


class DefinitionChange(TypedDict):
    """How the task definitions of a deployment's sides differ."""

    old: NotRequired[str]
    """The ARN; absent if it is not known, or not yet."""
    new: NotRequired[str]
    differences: NotRequired[list[DefinitionDifference]]
    """Absent if one of the two is not known."""


class ExplainOutput(TypedDict):
    """What Explain answers."""

    deployment: Deployment
    sentence: str
    """The next four members in one sentence."""
    doing: str
    """What the deployment does, completing "the deployment …"."""
    why: str
    following: str
    """What comes next."""
    latest: str
    """When at the latest, and what happens then."""
    latestAt: NotRequired[float]
    """When at the latest; absent without a time limit."""
    steps: list[ExplainedStep]
    """Every step that was measured, in order of time."""
    definition: NotRequired[DefinitionChange]
    """How the task definitions differ; absent as long as neither is known."""
    journal: list[JournalEntry]
    """Every transition."""
