"""What the page asks for: tasks, graphs of meshes, windows of deployments, traces, tokens."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from tealmesh.model.wire.deployments import GateEvidence


class GetPageCodeInput(TypedDict):
    """Input of GetPageCode."""

    readOnly: NotRequired[bool]
    """Whether the page only sees. Default: it may do what who asks may do."""


class GetPageCodeOutput(TypedDict):
    """What GetPageCode answers."""

    code: str
    path: str
    """Where the page is, with the code in its fragment, which browsers do not send."""
    expires: float


class CreateTokenInput(TypedDict):
    """Input of CreateToken."""

    label: NotRequired[str]
    """What it is for, for people."""
    readOnly: NotRequired[bool]
    """Whether it only sees. Default: it may do what who makes it may do."""
    seconds: NotRequired[float]
    """How long it lasts. Default: 12 hours."""


class Token(TypedDict):
    """A token that has not ended, or a session of the page."""

    tokenId: str
    actor: str
    """Who has it."""
    access: str
    """viewer, deployer or admin."""
    label: NotRequired[str]
    """What it is for; absent for a session of the page."""
    createdAt: float
    expiresAt: float


class CreateTokenOutput(TypedDict):
    """What CreateToken answers."""

    secret: str
    """The token itself, which is told this once."""
    token: Token


class ListTokensOutput(TypedDict):
    """What ListTokens answers."""

    tokens: list[Token]


class RevokeTokenInput(TypedDict):
    """Input of RevokeToken."""

    tokenId: str
    """Its id, or the beginning of it."""


class RevokeTokenOutput(TypedDict):
    """What RevokeToken answers."""

    token: Token
    """The one that has ended."""


class ListTasksInput(TypedDict):
    """Input of ListTasks."""

    service: NotRequired[str]
    """Only of what this names: as in GetLogs."""
    stopped: NotRequired[bool]
    """Whether stopped tasks are listed. Default true."""
    limit: NotRequired[int]
    """Default 100."""
    nextToken: NotRequired[str]
    """From the answer before."""


class ContainerDescription(TypedDict):
    """A container of a task."""

    name: str
    image: NotRequired[str]
    status: NotRequired[str]
    """ECS's lastStatus."""
    health: NotRequired[str]
    """HEALTHY, UNHEALTHY or UNKNOWN; absent without a health check."""
    exitCode: NotRequired[int]
    """Absent while it runs."""
    reason: NotRequired[str]
    """Why it ended, where that is known."""


class TaskDescription(TypedDict):
    """A task, and what it belongs to."""

    task: str
    """Its id."""
    taskArn: str
    cluster: str
    ecsService: NotRequired[str]
    """CLUSTER/NAME; absent for a task of no service."""
    service: NotRequired[str]
    """The service whose side it runs."""
    side: NotRequired[str]
    resource: NotRequired[str]
    """What its Envoy stands for: mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME."""
    taskDefinition: str
    """FAMILY:REVISION."""
    image: NotRequired[str]
    """The application's."""
    status: str
    """ECS's lastStatus."""
    desiredStatus: str
    """RUNNING or STOPPED."""
    health: NotRequired[str]
    """HEALTHY, UNHEALTHY or UNKNOWN."""
    usable: NotRequired[bool]
    """Whether callers can send it requests; absent where that is not known."""
    address: NotRequired[str]
    createdAt: NotRequired[float]
    startedAt: NotRequired[float]
    stoppedAt: NotRequired[float]
    stopCode: NotRequired[str]
    stoppedReason: NotRequired[str]
    containers: list[ContainerDescription]


class ListTasksOutput(TypedDict):
    """What ListTasks answers."""

    tasks: list[TaskDescription]
    nextToken: NotRequired[str]
    """Absent at the end."""


class GetMeshGraphInput(TypedDict):
    """Input of GetMeshGraph."""

    mesh: str


class GraphNode(TypedDict):
    """A resource of a mesh in its graph."""

    id: str
    """KIND/NAME; of routes route/ROUTER/NAME, of gateway routes gatewayRoute/GATEWAY/NAME."""
    kind: str
    """virtualGateway, gatewayRoute, virtualService, virtualRouter, route or virtualNode."""
    name: str
    service: NotRequired[str]
    """The service of whose sides the virtual node is one."""
    side: NotRequired[str]
    detail: NotRequired[str]
    """In a few words: what a route matches, where a node listens."""


class GraphEdge(TypedDict):
    """How requests get from one resource to another."""

    source: str
    """The id of a node."""
    target: str
    """The id of a node."""
    kind: str
    """uses: a backend, or the target of a gateway route. leads: a provider, or a route of a
    router or gateway. weight: a weighted target.
    """
    weight: NotRequired[int]
    share: NotRequired[float]
    """The weight as a share of its route, 0 to 1."""


class MeshGraph(TypedDict):
    """A mesh as a graph."""

    name: str
    envoys: NotRequired[int]
    """Number of Envoys that are connected or expected to connect; this and the next three are
    in the answers of GetMeshGraph only.
    """
    connected: NotRequired[int]
    current: NotRequired[int]
    """How many run with the newest revision."""
    rejected: NotRequired[int]
    """How many have rejected resources."""
    nodes: list[GraphNode]
    edges: list[GraphEdge]


class EdgeRate(TypedDict):
    """How often a virtual gateway or virtual node calls a virtual node, in the last seconds."""

    perSecond: float
    errorsPerSecond: float
    p99: NotRequired[float]
    """Milliseconds; absent where nothing was timed."""


class GetMeshGraphOutput(TypedDict):
    """What GetMeshGraph answers."""

    graph: MeshGraph
    edges: dict[str, EdgeRate]
    """By the ids of both, with a blank between."""


class ListWindowsInput(TypedDict):
    """Input of ListWindows."""

    deploymentId: str
    after: NotRequired[int]
    """The index of the last window that is known; default: from the first."""
    limit: NotRequired[int]
    """Default 1000."""


class WindowSide(TypedDict):
    """What callers saw of one side in a window."""

    requests: int
    failures: int
    clientErrors: int
    perSecond: float
    p50: NotRequired[float]
    """Milliseconds; absent where nothing was timed."""
    p90: NotRequired[float]
    p99: NotRequired[float]
    failureKinds: NotRequired[dict[str, int]]


class WindowJudgement(TypedDict):
    """What the comparison of a metric came to at the end of a window, with all windows before."""

    verdict: str
    evidence: GateEvidence


class MeasuredWindow(TypedDict):
    """What callers saw of both sides between two looks."""

    index: int
    step: int
    startedAt: float
    seconds: float
    weights: dict[str, int]
    old: WindowSide
    new: WindowSide
    judged: NotRequired[dict[str, WindowJudgement]]
    """By metric."""
    note: NotRequired[str]
    """Why the sides were not compared by it."""


class ListWindowsOutput(TypedDict):
    """What ListWindows answers."""

    windows: list[MeasuredWindow]
    more: NotRequired[bool]
    """Whether there are more after these; absent if not."""


class ListCallersInput(TypedDict):
    """Input of ListCallers."""

    deploymentId: str
    step: NotRequired[int]
    """Index of the step, from 0; default: all steps."""


class CallerCounts(TypedDict):
    """What a caller saw of one side."""

    requests: int
    failures: int
    clientErrors: int


class CallerTraffic(TypedDict):
    """A caller of a service."""

    caller: str
    """Its task's ARN, or its node id; others for those beyond the busiest hundred."""
    resource: NotRequired[str]
    """What its Envoy stands for, as far as that is known."""
    old: CallerCounts
    new: CallerCounts


class ListCallersOutput(TypedDict):
    """What ListCallers answers."""

    callers: list[CallerTraffic]
    """The busiest first."""


class GetResourceInput(TypedDict):
    """Input of GetResource."""

    mesh: str
    kind: str
    """virtualGateway, gatewayRoute, virtualService, virtualRouter, route or virtualNode."""
    name: str
    parent: NotRequired[str]
    """A route's router, or a gateway route's gateway."""


class EnvoyResource(TypedDict):
    """A resource that an Envoy is sent."""

    type: str
    """cluster, endpoints, listener or routes."""
    name: str
    envoys: list[str]
    """The Envoys that have it."""
    content: str
    """JSON, without private keys."""


class GetResourceOutput(TypedDict):
    """What GetResource answers."""

    mesh: str
    kind: str
    name: str
    parent: NotRequired[str]
    version: int
    createdAt: float
    updatedAt: float
    spec: str
    """The specification as it was sent: JSON."""
    envoyResources: list[EnvoyResource]
    """In the order of their types and names."""
    acknowledged: list[str]
    """The Envoys with any of these resources that run with the newest revision."""
    lagging: list[str]
    """Those that do not."""
