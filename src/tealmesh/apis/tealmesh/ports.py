"""What our API is handed: the parts of a control plane that do its work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tealmesh.model import wire
from tealmesh.model.config.nouns import Additions, TealConfig
from tealmesh.model.config.strategies import Strategy
from tealmesh.model.convergence import Convergence, EnvoyStatus
from tealmesh.model.health import TaskHealth
from tealmesh.model.identity.caller import Caller
from tealmesh.model.linting import Finding
from tealmesh.model.rollout import Deployment, Group, GroupDeployment, GroupDescription
from tealmesh.model.rollout.explanation import DefinitionChange, Explanation
from tealmesh.model.rollout.locks import LockBody
from tealmesh.model.rollout.plan import DeploymentPlan
from tealmesh.model.rollout.terraform import Holder, StepBody
from tealmesh.model.status import (
    AppliedSystem,
    DescribedService,
    GatewayStatus,
    LogSource,
    Removed,
    ServiceStatus,
)
from tealmesh.model.teal import AdoptionBody
from tealmesh.store import View
from tealmesh.supervision.trouble import Trouble


class Groups(Protocol):
    """The part of `rollout.groups.controller.Groups` that is needed here. Raises AwsError."""

    async def deploy(
        self, actor: str, name: str, images: Mapping[str, str], token: str, *, force: bool
    ) -> GroupDeployment: ...
    async def approve(self, actor: str, name: str) -> GroupDeployment: ...
    async def promote(self, actor: str, name: str, full: bool) -> GroupDeployment: ...
    async def pause(self, actor: str, name: str) -> GroupDeployment: ...
    async def resume(self, actor: str, name: str) -> GroupDeployment: ...
    async def abort(self, actor: str, name: str, give_up: bool) -> GroupDeployment: ...
    async def retry(self, actor: str, name: str, token: str) -> GroupDeployment: ...
    async def rollback(
        self, actor: str, name: str, gradual: bool
    ) -> tuple[GroupDeployment, str]: ...
    def every(self) -> Sequence[Group]: ...
    def group(self, name: str) -> Group: ...
    def history(self, name: str) -> Sequence[GroupDeployment]: ...
    def describe(self, g: GroupDeployment) -> GroupDescription: ...
    def images(self, group: Group, images: Mapping[str, str]) -> dict[str, str]: ...
    def order(self, name: str, services: Mapping[str, str]) -> list[str]: ...
    def repeated(self, name: str, token: str) -> bool: ...


class Deployments(Protocol):
    """The part of `rollout.controller.Controller` that is needed here. Raises AwsError."""

    @property
    def groups(self) -> Groups: ...
    async def deploy(
        self,
        actor: str,
        service: str,
        image: str,
        strategy: Strategy | None,
        token: str,
        instead: bool,
        *,
        force: bool,
        by: Holder | None = None,
    ) -> Deployment: ...
    async def retry(self, actor: str, service: str, token: str) -> Deployment: ...
    async def approve(self, actor: str, service: str) -> Deployment: ...
    async def promote(self, actor: str, service: str, full: bool) -> Deployment: ...
    async def pause(self, actor: str, service: str) -> Deployment: ...
    async def rollback(
        self,
        actor: str,
        service: str,
        gradual: bool,
        revision: int | None,
        by: Holder | None = None,
    ) -> tuple[Deployment, str]: ...
    async def take_step(
        self, actor: str, service: str, holder: Holder, *, take_over: bool
    ) -> tuple[Deployment, StepBody | None]: ...
    async def answer_step(
        self, actor: str, service: str, holder: str, number: int, error: str, *, retryable: bool
    ) -> None: ...
    async def abort(self, actor: str, service: str, give_up: bool) -> Deployment: ...
    async def resume(self, actor: str, service: str, take_over: bool) -> Deployment: ...
    async def lock(self, actor: str, service: str, why: str, seconds: float) -> LockBody: ...
    async def unlock(self, actor: str, service: str) -> LockBody: ...
    def one(self, service: str, identity: str | None) -> Deployment | None: ...
    def history(self, service: str) -> Sequence[Deployment]: ...
    def latest(self, service: str) -> Deployment | None: ...


class Backtested(Protocol):
    """What other gates would have said of a deployment: `rollout.bundles.backtest.Replayed`."""

    @property
    def deployment(self) -> Deployment: ...
    @property
    def was(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def because(self) -> str: ...
    @property
    def seconds(self) -> float: ...
    @property
    def windows(self) -> int: ...


class Forecast(Protocol):
    """The part of `rollout.planning.forecast.Forecast` that is needed here."""

    async def settled(self, name: str) -> object:
        """Wait until what has just been made for a service is known. Raises AwsError."""

    async def preflight(
        self,
        name: str,
        image: str,
        strategy: Strategy | None,
        token: str,
        *,
        force: bool,
        instead: bool = False,
    ) -> list[str]: ...
    async def plan(
        self,
        name: str,
        image: str,
        strategy: Strategy | None,
        *,
        force: bool,
        instead: bool = False,
    ) -> DeploymentPlan: ...
    async def lint(self, config: TealConfig | Additions | None) -> list[Finding]: ...


class Operations(Protocol):
    """The part of `rollout.operations.Operations` that is needed here. Raises AwsError."""

    @property
    def forecast(self) -> Forecast: ...
    async def apply(
        self, actor: str, config: TealConfig | Additions, base_directory: str
    ) -> AppliedSystem: ...
    async def plan(self, config: TealConfig | Additions, base_directory: str) -> AppliedSystem: ...
    async def remove(self, actor: str, name: str, *, dry_run: bool) -> Removed: ...
    async def set_weights(
        self, name: str, weights: Mapping[str, int]
    ) -> tuple[int, Mapping[str, int]]: ...
    async def adopt(self, actor: str, name: str, told: AdoptionBody) -> DescribedService: ...
    async def describe(self, name: str) -> DescribedService: ...
    async def status(self, window: float) -> tuple[list[ServiceStatus], list[GatewayStatus]]: ...
    def evidence(self, d: Deployment) -> tuple[str, str]: ...
    def backtest(
        self, deployments: Sequence[Deployment], settings: str
    ) -> Sequence[Backtested]: ...
    def strategy(self, service: str) -> Strategy: ...
    def explain(self, deployment: Deployment, now: float) -> Explanation: ...

    def definition(self, d: Deployment) -> DefinitionChange:
        """How the task definitions of a deployment's sides differ, as far as ECS knows them."""


class Inventory(Protocol):
    """The part of `rollout.inventory.whole.Inventory` that is needed here."""

    def others(self, window: float, converged: Mapping[str, bool]) -> wire.GetStatusOutput: ...
    def log_sources(self, name: str, side: str | None) -> Sequence[LogSource]: ...
    def envoy_resource(self, task_arn: str) -> str: ...
    def ecs_services(self, name: str) -> Sequence[str]: ...


class Envoys(Protocol):
    """The part of `xds.streams.cache.AdsCache` that is needed here."""

    async def wait_converged(self, mesh: str, revision: int, timeout: float) -> Convergence: ...
    def envoys(self, mesh: str) -> Sequence[EnvoyStatus]: ...


class LoadBalancers(Protocol):
    """The part of `engine.load_balancers.report.Report` that is needed here."""

    async def load_balancers(self) -> list[wire.LoadBalancerStatus]: ...
    def by_host_port(self) -> int | None: ...
    def by_host_problem(self) -> str: ...


@dataclass(frozen=True)
class ContainerLine:
    """A line of a container's output."""

    container: str
    """The container's name in the task definition."""

    line: str


Logs = Callable[[str, int], Awaitable[Sequence[ContainerLine]]]
"""(task ARN, number of lines) -> the last lines that each container of the task wrote."""

ShiftWeights = Callable[[Caller, wire.ShiftWeightsInput], Awaitable[list[wire.ShiftedRoute]]]
"""Gives several routes other targets in one revision. Raises AwsError, and then changes none."""

Stop = Callable[[bool], Awaitable[int]]
"""(whether to drain and stop all tasks first) -> how many tasks were stopped. The control plane
stops once the present answer is out."""

TasksHealth = Callable[[], Sequence[TaskHealth]]
"""The health of every running task."""

Troubles = Callable[[], Sequence[Trouble]]
ControlPlanes = Callable[[], Sequence[wire.ControlPlaneStatus]]
"""All that share the database; none where there can be only one."""
"""The workers of this control plane that fail at present."""

WithoutEffect = Callable[[View], list[wire.MemberWithoutEffect]]
"""The members of ECS resources that are used and have no effect here."""
