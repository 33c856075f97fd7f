"""The requests of Tealmesh's own API, one per operation. The API's model documents their members;
`model.wire`, which has the answers, gives access to them.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from tealmesh.model.wire.terraform import TerraformRun


class AbortInput(TypedDict):
    service: str
    giveUp: NotRequired[bool]


class ApplyInput(TypedDict):
    text: str
    file: str
    baseDirectory: str
    plan: NotRequired[bool]


class ApproveInput(TypedDict):
    service: str


class DeployInput(TypedDict):
    service: str
    image: str
    strategy: NotRequired[str]
    steps: NotRequired[list[int]]
    step: NotRequired[int]
    clientToken: NotRequired[str]
    force: NotRequired[bool]
    replace: NotRequired[bool]
    terraform: NotRequired[TerraformRun]


class ExplainInput(TypedDict):
    service: str
    deploymentId: NotRequired[str]


class BacktestInput(TypedDict):
    service: NotRequired[str]
    gates: NotRequired[str]


class GetEvidenceInput(TypedDict):
    service: str
    deploymentId: NotRequired[str]
    page: NotRequired[bool]


class GetConvergenceInput(TypedDict):
    mesh: str
    revision: NotRequired[int]
    waitSeconds: NotRequired[int]


class GetDeploymentInput(TypedDict):
    service: str
    deploymentId: NotRequired[str]
    waitUntil: NotRequired[str]
    waitSeconds: NotRequired[int]


class GetLogsInput(TypedDict):
    service: str
    side: NotRequired[str]
    lines: NotRequired[int]
    runningOnly: NotRequired[bool]
    applicationsOnly: NotRequired[bool]


class GetStatusInput(TypedDict):
    windowSeconds: NotRequired[int]
    mesh: NotRequired[str]


class ListDeploymentsInput(TypedDict):
    service: str


class ListEnvoysInput(TypedDict):
    mesh: NotRequired[str]


class ListEventsInput(TypedDict):
    limit: NotRequired[int]
    all: NotRequired[bool]
    text: NotRequired[str]
    actor: NotRequired[str]
    before: NotRequired[int]


class ListJournalInput(TypedDict):
    service: str
    deploymentId: NotRequired[str]
    after: NotRequired[int]
    limit: NotRequired[int]
    waitSeconds: NotRequired[int]


class LintInput(TypedDict):
    text: NotRequired[str]
    file: NotRequired[str]


class PlanDeploymentInput(TypedDict):
    service: str
    image: str
    strategy: NotRequired[str]
    steps: NotRequired[list[int]]
    step: NotRequired[int]
    force: NotRequired[bool]
    replace: NotRequired[bool]


class LockInput(TypedDict):
    service: str
    reason: NotRequired[str]
    seconds: NotRequired[float]


class PauseInput(TypedDict):
    service: str


class PromoteInput(TypedDict):
    service: str
    full: NotRequired[bool]


class RetryInput(TypedDict):
    service: str
    clientToken: NotRequired[str]


class UnlockInput(TypedDict):
    service: str


class RemoveInput(TypedDict):
    name: str
    plan: NotRequired[bool]


class ResumeInput(TypedDict):
    service: str
    takeOver: NotRequired[bool]


class RollbackInput(TypedDict):
    service: str
    gradual: NotRequired[bool]
    revision: NotRequired[int]
    terraform: NotRequired[TerraformRun]


class SetWeightsInput(TypedDict):
    service: str
    weights: dict[str, int]


class ShiftedTarget(TypedDict):
    """A weighted target, as App Mesh has it."""

    virtualNode: str
    weight: int
    port: NotRequired[int]


class RouteShift(TypedDict):
    """The targets that a route is to have, if it has this version."""

    virtualRouterName: str
    routeName: str
    version: int
    weightedTargets: list[ShiftedTarget]


class ShiftWeightsInput(TypedDict):
    mesh: str
    routes: list[RouteShift]


class ShutdownInput(TypedDict):
    stopTasks: NotRequired[bool]
