"""The structures of Tealmesh's own API, 2026-11-01, as they travel in JSON.

Each class is named as the shape in ``aws/models/tealmesh/2026-11-01/service-2.json`` that it
types; ``tests/model/test_wire.py`` compares the two. Times are seconds since the epoch. A member
that is not required is absent where there is nothing to say.

``apis/tealmesh`` answers with these and ``teal`` reads them. Import the module rather than its
classes (``wire.Deployment``): `model.rollout` and `model.status` have nouns of the same names.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from tealmesh.model.wire.deployments import (
    AbortOutput as AbortOutput,
    Deployment as Deployment,
    GateEvidence as GateEvidence,
    GateVerdict as GateVerdict,
    HookAnswer as HookAnswer,
    KeptSide as KeptSide,
    LockOutput as LockOutput,
    PauseOutput as PauseOutput,
    PromoteOutput as PromoteOutput,
    JournalEntry as JournalEntry,
    ResumeOutput as ResumeOutput,
    RetryOutput as RetryOutput,
    RollbackOutput as RollbackOutput,
    ServiceLock as ServiceLock,
    StepEvidence as StepEvidence,
    StepSettings as StepSettings,
    UnlockOutput as UnlockOutput,
)
from tealmesh.model.wire.changes import (
    AppliedResource as AppliedResource,
    ApplyOutput as ApplyOutput,
    Change as Change,
    RemoveOutput as RemoveOutput,
)
from tealmesh.model.wire.explaining import (
    BacktestedDeployment as BacktestedDeployment,
    BacktestOutput as BacktestOutput,
    DefinitionChange as DefinitionChange,
    DefinitionDifference as DefinitionDifference,
    ExplainedStep as ExplainedStep,
    ExplainOutput as ExplainOutput,
    GetEvidenceOutput as GetEvidenceOutput,
)
from tealmesh.model.wire.groups import (
    AbortGroupInput as AbortGroupInput,
    AbortGroupOutput as AbortGroupOutput,
    ApproveGroupInput as ApproveGroupInput,
    ApproveGroupOutput as ApproveGroupOutput,
    DeployGroupInput as DeployGroupInput,
    DeployGroupOutput as DeployGroupOutput,
    GetGroupDeploymentInput as GetGroupDeploymentInput,
    GetGroupDeploymentOutput as GetGroupDeploymentOutput,
    Group as Group,
    GroupDeployment as GroupDeployment,
    GroupEntry as GroupEntry,
    GroupMember as GroupMember,
    ListGroupDeploymentsInput as ListGroupDeploymentsInput,
    ListGroupDeploymentsOutput as ListGroupDeploymentsOutput,
    ListGroupsInput as ListGroupsInput,
    ListGroupsOutput as ListGroupsOutput,
    PauseGroupInput as PauseGroupInput,
    PauseGroupOutput as PauseGroupOutput,
    PlanGroupInput as PlanGroupInput,
    PlanGroupOutput as PlanGroupOutput,
    PromoteGroupInput as PromoteGroupInput,
    PromoteGroupOutput as PromoteGroupOutput,
    ResumeGroupInput as ResumeGroupInput,
    ResumeGroupOutput as ResumeGroupOutput,
    RetryGroupInput as RetryGroupInput,
    RetryGroupOutput as RetryGroupOutput,
    RollbackGroupInput as RollbackGroupInput,
    RollbackGroupOutput as RollbackGroupOutput,
)
from tealmesh.model.wire.inventory import (
    EcsServiceStatus as EcsServiceStatus,
    GatewayStatus as GatewayStatus,
    ListMembersWithoutEffectOutput as ListMembersWithoutEffectOutput,
    MemberWithoutEffect as MemberWithoutEffect,
    MeshStatus as MeshStatus,
    NodeStatus as NodeStatus,
    TaskStatus as TaskStatus,
    VirtualServiceStatus as VirtualServiceStatus,
)
from tealmesh.model.wire.pages import (
    CallerCounts as CallerCounts,
    CallerTraffic as CallerTraffic,
    ContainerDescription as ContainerDescription,
    CreateTokenInput as CreateTokenInput,
    CreateTokenOutput as CreateTokenOutput,
    EdgeRate as EdgeRate,
    EnvoyResource as EnvoyResource,
    GetMeshGraphInput as GetMeshGraphInput,
    GetMeshGraphOutput as GetMeshGraphOutput,
    GetPageCodeInput as GetPageCodeInput,
    GetPageCodeOutput as GetPageCodeOutput,
    GetResourceInput as GetResourceInput,
    GetResourceOutput as GetResourceOutput,
    GraphEdge as GraphEdge,
    GraphNode as GraphNode,
    ListCallersInput as ListCallersInput,
    ListCallersOutput as ListCallersOutput,
    ListTasksInput as ListTasksInput,
    ListTasksOutput as ListTasksOutput,
    ListTokensOutput as ListTokensOutput,
    ListWindowsInput as ListWindowsInput,
    ListWindowsOutput as ListWindowsOutput,
    MeasuredWindow as MeasuredWindow,
    MeshGraph as MeshGraph,
    RevokeTokenInput as RevokeTokenInput,
    RevokeTokenOutput as RevokeTokenOutput,
    TaskDescription as TaskDescription,
    Token as Token,
    WindowJudgement as WindowJudgement,
    WindowSide as WindowSide,
)
from tealmesh.model.wire.planning import (
    KnownFact as KnownFact,
    LintFinding as LintFinding,
    LintOutput as LintOutput,
    PlanDeploymentOutput as PlanDeploymentOutput,
    PlannedStage as PlannedStage,
)
from tealmesh.model.wire.requests import (
    AbortInput as AbortInput,
    ApplyInput as ApplyInput,
    ApproveInput as ApproveInput,
    DeployInput as DeployInput,
    BacktestInput as BacktestInput,
    ExplainInput as ExplainInput,
    GetEvidenceInput as GetEvidenceInput,
    GetConvergenceInput as GetConvergenceInput,
    GetDeploymentInput as GetDeploymentInput,
    GetLogsInput as GetLogsInput,
    GetStatusInput as GetStatusInput,
    ListDeploymentsInput as ListDeploymentsInput,
    ListEnvoysInput as ListEnvoysInput,
    ListEventsInput as ListEventsInput,
    ListJournalInput as ListJournalInput,
    LintInput as LintInput,
    LockInput as LockInput,
    PauseInput as PauseInput,
    PlanDeploymentInput as PlanDeploymentInput,
    PromoteInput as PromoteInput,
    RemoveInput as RemoveInput,
    ResumeInput as ResumeInput,
    RetryInput as RetryInput,
    RollbackInput as RollbackInput,
    RouteShift as RouteShift,
    SetWeightsInput as SetWeightsInput,
    ShiftedTarget as ShiftedTarget,
    ShiftWeightsInput as ShiftWeightsInput,
    ShutdownInput as ShutdownInput,
    UnlockInput as UnlockInput,
)
from tealmesh.model.wire.adopted import (
    AdoptInput as AdoptInput,
    AdoptOutput as AdoptOutput,
    GetServiceInput as GetServiceInput,
    GetServiceOutput as GetServiceOutput,
    ServiceDescription as ServiceDescription,
    SideDescription as SideDescription,
    ToldSide as ToldSide,
)
from tealmesh.model.wire.load_balancers import LoadBalancerListener as LoadBalancerListener
from tealmesh.model.wire.load_balancers import LoadBalancerStatus as LoadBalancerStatus
from tealmesh.model.wire.health import HealthOpinion as HealthOpinion
from tealmesh.model.wire.health import TaskHealth as TaskHealth
from tealmesh.model.wire.services import (
    ReleaseStep as ReleaseStep,
    ServiceStatus as ServiceStatus,
    SideStatus as SideStatus,
)
from tealmesh.model.wire.terraform import (
    AnswerTerraformStepInput as AnswerTerraformStepInput,
    AnswerTerraformStepOutput as AnswerTerraformStepOutput,
    TakeTerraformStepInput as TakeTerraformStepInput,
    TakeTerraformStepOutput as TakeTerraformStepOutput,
    TerraformRun as TerraformRun,
    TerraformSide as TerraformSide,
    TerraformStep as TerraformStep,
)
from tealmesh.model.wire.traces import (
    GetServiceMapInput as GetServiceMapInput,
    GetServiceMapOutput as GetServiceMapOutput,
    GetTraceInput as GetTraceInput,
    GetTraceOutput as GetTraceOutput,
    ListTracesInput as ListTracesInput,
    ListTracesOutput as ListTracesOutput,
    MapEdge as MapEdge,
    MapNode as MapNode,
    SpanDescription as SpanDescription,
    TraceSummary as TraceSummary,
)
from tealmesh.model.wire.troubles import ControlPlaneStatus as ControlPlaneStatus
from tealmesh.model.wire.troubles import WorkerTrouble as WorkerTrouble


class RejectedBy(TypedDict):
    """An Envoy that refused its configuration."""

    envoy: str
    message: str
    """Envoy's own words."""


class LogLine(TypedDict):
    """One line of a container's output."""

    task: str
    side: NotRequired[str]
    container: str
    line: str
    at: NotRequired[float]
    stopped: NotRequired[bool]
    """True if the task has stopped or is stopping."""


class EnvoyStatus(TypedDict):
    """An Envoy that the control plane knows."""

    id: str
    resource: str
    """mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME."""
    connected: bool
    revision: NotRequired[int]
    """The newest revision that the Envoy has acknowledged; absent before the first."""
    message: NotRequired[str]
    """The Envoy's last rejection, in its own words; absent if it has rejected nothing."""
    note: NotRequired[str]
    """What else there is to know; begins with "refused: " where the control plane keeps it out."""
    version: NotRequired[str]
    """Envoy's version, as it told it when it connected; absent before, or where it tells none."""
    callers: NotRequired[int]
    """Number of callers' Envoys that know its task; absent if none does."""
    usableBy: NotRequired[int]
    """Number of these that send requests to it."""


class Event(TypedDict):
    """One committed change."""

    revision: int
    at: float
    actor: str
    """The caller's access key, or the part of Tealmesh that made the change."""
    operation: str
    message: str
    """The change in words, for people."""
    sentence: str
    """Who did what, in a sentence for people."""


class ApproveOutput(TypedDict):
    """What Approve answers."""

    deployment: Deployment


class DeployOutput(TypedDict):
    """What Deploy answers."""

    deployment: Deployment
    notes: list[str]
    """What the deployment will have to wait for, as far as that is known, for people."""


class GetConvergenceOutput(TypedDict):
    """What GetConvergence answers."""

    mesh: str
    revision: int
    converged: bool
    expected: int
    """Number of Envoys that must acknowledge the revision."""
    acknowledged: int
    """Number of Envoys that have acknowledged it."""
    waiting: NotRequired[list[str]]
    """Envoys that have not acknowledged it yet."""
    rejected: NotRequired[list[RejectedBy]]


class GetDeploymentOutput(TypedDict):
    """What GetDeployment answers."""

    deployment: Deployment
    reached: NotRequired[bool]
    """Whether the deployment has reached what waitUntil names; absent without that."""


class GetLogsOutput(TypedDict):
    """What GetLogs answers."""

    lines: list[LogLine]


class GetStatusOutput(TypedDict):
    """What GetStatus answers."""

    revision: int
    services: list[ServiceStatus]
    gateways: list[GatewayStatus]
    meshes: NotRequired[list[MeshStatus]]
    """Every mesh, with its Envoys."""
    virtualServices: NotRequired[list[VirtualServiceStatus]]
    """The virtual services that are not among the services: without weighted targets."""
    ecsServices: NotRequired[list[EcsServiceStatus]]
    """The ECS services that are not among the tasks of a service, gateway or virtual service."""
    tasks: NotRequired[list[TaskStatus]]
    """The tasks that belong to no ECS service and have not stopped."""
    loadBalancers: NotRequired[list[LoadBalancerStatus]]
    byHostPort: NotRequired[int]
    """The port of 127.0.0.1 at which the Host header selects a load balancer; absent while nothing
    listens there.
    """
    byHostProblem: NotRequired[str]
    """Why nothing listens at that port; absent if something does, or no load balancer speaks plain
    HTTP.
    """
    health: NotRequired[list[TaskHealth]]
    """The health of every running task as everybody sees it; absent without running tasks."""
    troubles: NotRequired[list[WorkerTrouble]]
    """The workers of the control plane that fail at present; absent if none does."""
    controlPlanes: NotRequired[list[ControlPlaneStatus]]
    """All that share the database, by address; absent where there can be only one."""


class ListDeploymentsOutput(TypedDict):
    """What ListDeployments answers."""

    deployments: list[Deployment]


class ListEnvoysOutput(TypedDict):
    """What ListEnvoys answers."""

    envoys: list[EnvoyStatus]


class ListEventsOutput(TypedDict):
    """What ListEvents answers."""

    events: list[Event]


class ListJournalOutput(TypedDict):
    """What ListJournal answers."""

    deploymentId: str
    entries: list[JournalEntry]


class SetWeightsOutput(TypedDict):
    """What SetWeights answers."""

    revision: int
    """The revision of the change; GetConvergence shows whether every Envoy has it."""
    weights: dict[str, int]


class ShiftedRoute(TypedDict):
    """A route as it is after ShiftWeights."""

    virtualRouterName: str
    routeName: str
    version: int


class ShiftWeightsOutput(TypedDict):
    """What ShiftWeights answers."""

    revision: int
    """The revision of the change; GetConvergence shows whether every Envoy has it."""
    routes: list[ShiftedRoute]


class ShutdownOutput(TypedDict):
    """What Shutdown answers."""

    stoppedTasks: NotRequired[int]
    """Number of tasks that were stopped."""
