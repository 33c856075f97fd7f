"""What the store keeps of teal.toml and of its deployments (collections ``teal.*``).

Members are the fields of the dataclasses that `dataclasses.asdict` stores; a test compares the two.
Sequences are tuples before they are stored, then lists. Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from tealmesh.model.clock import MomentBody
    from tealmesh.model.config.beside import CohortBody, MirrorBody, PreviewBody, StickyBody
    from tealmesh.model.rollout.groups import MembershipBody
    from tealmesh.model.rollout.hooks import (
        CloudWatchGateBody,
        FreezeBody,
        HookSettingBody,
        PrometheusGateBody,
    )
    from tealmesh.model.said import SaidBody
    from tealmesh.model.traffic.parts import PartBody
    from tealmesh.model.traffic.windows import (
        CountsBody,
        JudgedBody,
        SinceBody,
        UsualBody,
        WindowBody,
    )


class TroubleBody(TypedDict):
    """A worker of the control plane that fails at present."""

    worker: str
    error: str
    since: float
    replicas: NotRequired[list[str]]
    """The ids of those whose worker fails so, where there may be several."""


class UnusableBody(TypedDict):
    """A task that its service was told no caller can use."""

    task: str
    why: str
    since: float


class StepSettingsBody(TypedDict):
    """A `model.config.strategies.StepSettings`."""

    time: float | None
    timeout: float | None
    approval: bool
    success_rate: float | None
    min_requests: int | None


class StrategyBody(TypedDict):
    """A `model.config.strategies.Strategy`."""

    type: Literal["bluegreen", "canary", "linear", "ab"]
    steps: Sequence[int]
    step_time: float
    bake_time: float
    start_timeout: float
    verify_timeout: float
    step_timeout: float
    bake_timeout: float
    rollback_timeout: float
    stop_timeout: float
    warm_up: float
    on_no_verdict: Literal["rollback", "hold"]
    hold_timeout: float
    preview: PreviewBody | None
    mirror: MirrorBody | None
    match: CohortBody | None
    sticky: StickyBody | None
    step_settings: Sequence[StepSettingsBody]
    keep_old: float


class LatencyObjectiveBody(TypedDict):
    """A `model.config.strategies.LatencyObjective`."""

    quantile: float
    below: float


class GatesBody(TypedDict):
    """A `model.config.strategies.Gates`."""

    success_rate: float
    min_requests: int
    approval: bool
    approval_timeout: float
    compare: bool
    alpha: float
    beta: float
    margin: float
    breaker: float
    latency: Sequence[LatencyObjectiveBody]
    hooks: Sequence[HookSettingBody]
    prometheus: Sequence[PrometheusGateBody]
    cloudwatch: Sequence[CloudWatchGateBody]
    freeze: Sequence[FreezeBody]
    directory: str
    watch: Sequence[PartBody]


class ServiceConfigBody(TypedDict):
    """A `model.config.nouns.ServiceConfig`."""

    name: str
    port: int
    image: str
    hostname: str
    protocol: Literal["http", "http2", "grpc", "tcp"]
    health_path: str
    desired_count: int
    cpu: int
    memory: int
    environment: Mapping[str, str]
    backends: Sequence[str]
    sides: Sequence[str]
    strategy: StrategyBody
    gates: GatesBody
    request_timeout: float | None
    idle_timeout: float | None
    drain_time: float | None
    replace_after: float | None


class ServiceSystemBody(TypedDict):
    """A `rollout.system.ServiceSystem`."""

    mesh: str
    cluster: str
    namespace: str
    config: ServiceConfigBody


class MeshSideBody(TypedDict):
    """A `rollout.adopted.MeshSide`."""

    name: str
    virtual_node: str
    cluster: str
    ecs_service: str
    namespace: str
    registry: str
    exists: bool
    container: str


class MeshServiceBody(TypedDict):
    """A `rollout.adopted.MeshService`."""

    name: str
    mesh: str
    hostname: str
    router: str
    routes: Sequence[str]
    port: int
    protocol: str
    found: Sequence[MeshSideBody]
    container: str
    clean_up: str
    strategy: StrategyBody
    gates: GatesBody
    further: Sequence[tuple[int, str]]
    problem: str


class ToldSideBody(TypedDict, total=False):
    """What somebody told of a side that cannot be found."""

    ecsService: str
    """``[CLUSTER/]NAME``."""
    virtualNode: str


class AdoptionBody(TypedDict, total=False):
    """What `teal adopt` or teal.toml told of a service of others; what is absent is found out."""

    sides: dict[str, ToldSideBody]
    container: str
    """The container that runs the application."""
    route: str
    """As one of ``routes``: what earlier versions were told."""
    routes: list[str]
    """The routes whose weights are shifted together."""
    cleanUp: str
    """``stop`` or ``delete``."""
    strategy: StrategyBody
    gates: GatesBody


class GatewayConfigBody(TypedDict):
    """A `model.config.nouns.GatewayConfig`."""

    name: str
    port: int
    routes: Mapping[str, str]
    address: str
    desired_count: int
    request_timeout: float | None
    idle_timeout: float | None
    drain_time: float | None
    protocol: str


class GatewaySystemBody(TypedDict):
    """A `rollout.system.GatewaySystem`."""

    mesh: str
    cluster: str
    config: GatewayConfigBody


class RemovalBody(TypedDict):
    """A removal that has begun."""

    at: float
    actor: str


class GateResultBody(TypedDict):
    """A `model.rollout.GateResult`."""

    gate: str
    verdict: str
    detail: str
    have: float | None
    need: float | None
    unit: str
    judged: JudgedBody | None


class StepEvidenceBody(TypedDict):
    """A `model.rollout.StepEvidence`."""

    step: int
    weights: Mapping[str, int]
    expected_share: float
    started_at: float
    requests: int
    failures: int
    total_requests: int
    total_failures: int
    kinds: Mapping[str, int]
    share: float | None
    p50: float | None
    p99: float | None
    propagation: float | None
    finished_at: float | None
    verdicts: Sequence[GateResultBody]


class ComparisonBody(TypedDict, total=False):
    """A `model.rollout.Comparison`."""

    windows: int
    opened_at: float
    warm_until: float
    cold_until: float
    old_since: float
    before: CountsBody | None
    bounds: Sequence[float]
    part_bounds: Mapping[str, Sequence[float]]
    evidence: Mapping[str, Mapping[str, object]]
    prior: Mapping[str, Mapping[str, object]]
    usual: Mapping[str, Sequence[UsualBody]]
    asked: Mapping[str, float]
    since: Mapping[str, Sequence[SinceBody]]
    undecided: bool
    last: WindowBody | None


class DeploymentBody(TypedDict):
    """A `model.rollout.Deployment`."""

    id: str
    service: str
    mesh: str
    old_side: str
    new_side: str
    old_image: str
    new_image: str
    desired_count: int
    strategy: StrategyBody
    gates: GatesBody
    created_at: float
    updated_at: float
    entered_at: float
    actor: str
    client_token: str
    kind: str
    gated: bool
    state: str
    held_in: str
    step: int
    sequence: int
    weights: Mapping[str, int]
    acknowledged: Mapping[str, int]
    live: Mapping[str, int]
    seen: Mapping[str, int]
    left_apart: Mapping[str, Mapping[str, int]]
    apart: Mapping[str, Mapping[str, int]]
    elsewhere: Mapping[str, Sequence[str]]
    healthy: Mapping[str, int]
    images: Mapping[str, str]
    definitions: Mapping[str, str]
    old_desired: int
    new_desired: int
    scaled: int
    reductions: int
    resumed_at: float
    revision: int
    set_at: float
    since: float
    approved_step: int
    number: int
    kept_for: float
    promoted: str
    promoted_by: str
    paused_at: float
    paused_by: str
    through_freeze: str
    reason: str
    ended_by: str
    note: str
    waiting_for: str
    serves: str
    phase_at: float
    counted: float
    counted_at: MomentBody | None
    seconds_left: float | None
    time_limit: str
    windows: int
    last_window: str
    evidence: Sequence[StepEvidenceBody]
    comparison: ComparisonBody
    beside: Sequence[str]
    beside_verdicts: Sequence[GateResultBody]
    member: MembershipBody | None
    finished_at: float | None
    said: NotRequired[Mapping[str, SaidBody]]
    """By a text, what it is made of."""


class JournalEntryBody(TypedDict):
    """A `model.rollout.JournalEntry`."""

    deployment: str
    sequence: int
    at: float
    transition: str
    phase: str
    status: str
    message: str
    by: str
    said: NotRequired[SaidBody]
    """What the message is made of."""


def known_members(cls: type[DataclassInstance], body: Mapping[str, object]) -> dict[str, Any]:
    """The members of a stored body that ``cls`` has as fields, to construct it from.

    Members written by a later version of Tealmesh are ignored. The values come out of JSON, so
    their types are not checked.
    """
    names = {field.name for field in fields(cls)}
    return {name: value for name, value in body.items() if name in names}
