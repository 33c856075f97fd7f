"""What differs between control planes: who knows roles and certificates, and where tasks run.

`teal up` has both on its own machine (`own_aws`, `machine`), `teal serve` elsewhere (`aws`,
`elsewhere`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.routing import BaseRoute

from tealmesh.apis.appmesh.certificates import IssuedOf
from tealmesh.apis.tealmesh.ports import LoadBalancers, Logs
from tealmesh.app.envoys.permission import Decider, FindRole
from tealmesh.app.envoys.role_identity import RoleIdentities
from tealmesh.aws.callers.front import TrustOf
from tealmesh.aws.gateway import Fallback
from tealmesh.model.health import TaskHealth
from tealmesh.model.identity.iam_keys import IamKeyOf
from tealmesh.model.wire import MemberWithoutEffect
from tealmesh.rollout.drivers.base import SeenByCallers
from tealmesh.rollout.system import GatewaySystem
from tealmesh.store import View

Worker = tuple[str, Callable[[], Awaitable[None]]]
"""What runs as long as the control plane, with its name for people."""


@dataclass(frozen=True)
class Iam:
    """What is asked about roles and keys."""

    role: FindRole
    trust: TrustOf | None = None
    """Without it, no role lets another one assume it."""
    key: IamKeyOf | None = None
    """Without it, keys of IAM and STS are nobody's."""


class OtherServices(Protocol):
    """The AWS services that the control plane calls."""

    iam: Iam
    issued: IssuedOf
    """Certificates with their keys, for load balancers."""

    def client(self, service: str, region: str = "") -> Any:
        """A boto3 client, which has no types; by default in our own region."""

    def fenced(self, service: str) -> Any:
        """The same for deployments, whose calls carry their fencing token wherever one of ours
        answers (`rollout.drivers.aws.fenced`).
        """

    def decider(self) -> Decider:
        """Who says what roles may be, where the owner's file does not."""

    def role_identities(self, server_id: str) -> RoleIdentities | None:
        """Who knows Envoys by STS; None if nobody does."""


class Cloud(Protocol):
    """Where tasks run."""

    summary: str
    """What tasks run as, in words."""
    engine: bool
    """Whether this control plane runs them itself."""
    xds_at: str
    """HOST:PORT where Envoys of services of teal.toml find us; empty if who starts them knows."""
    metrics_at: str
    """A second path of the page of metrics; empty for none."""
    lag: float
    """For how many seconds what ECS has may not be known here yet."""
    load_balancers: LoadBalancers
    logs: Logs

    def callers(self) -> SeenByCallers:
        """What callers see of tasks, for deployments."""

    def health(self) -> Sequence[TaskHealth]:
        """The health of every running task."""

    async def image_problem(self, image: str) -> str:
        """Why no task can run an image; empty if one can."""

    def port_problem(self, gateway: GatewaySystem) -> str:
        """Why a gateway can never listen where teal.toml says; empty if it can."""

    def system_problem(self) -> str:
        """Why no service or gateway of a teal.toml can be made here; empty if they can."""

    def without_effect(self, view: View) -> list[MemberWithoutEffect]:
        """The members of what is stored that change nothing here."""

    async def shut_down(self, stop_tasks: bool) -> int:
        """Stop the control plane after the present answer; returns how many tasks were stopped
        before. Raises AwsError if tasks are not its own to stop.
        """

    def apis(self) -> Mapping[str, object]:
        """The AWS APIs that it answers itself, by service."""

    def others(self, apis: Mapping[str, object]) -> Fallback:
        """Who answers for all services but ``apis``."""

    def routes(self) -> Iterator[BaseRoute]:
        """Pages for its tasks, which ask for credentials of their own and are on loopback only."""

    def open_paths(self) -> Sequence[str]:
        """What the paths of these pages begin with."""

    def why_not_ready(self) -> Iterator[str]:
        """Why the control plane may not be given calls and Envoys yet, each reason in words."""

    def workers(self) -> Iterator[Worker]:
        """What runs as long as the control plane."""

    async def listen(self) -> None:
        """Start its servers. Raises TealError if a port is in use."""

    async def close(self) -> None:
        """Detach; tasks keep running."""
