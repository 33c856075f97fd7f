"""A service that others made (Terraform, CloudFormation, a script), as it is deployed. Pure.

It is a virtual service whose router has weighted targets. `discovery` finds it in the state.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal, cast

from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.rollout import stored_gates, stored_strategy
from tealmesh.model.teal import known_members
from tealmesh.rollout.naming import renamed

if TYPE_CHECKING:
    from tealmesh.model.teal import MeshServiceBody

CleanUp = Literal["", "stop", "delete"]
"""What is left of a side without weight: ``stop``, its ECS service with no tasks; ``delete``,
nothing. Empty: as the deployment found the side that it started."""


@dataclass(frozen=True)
class MeshSide:
    """One version of a service: a virtual node and the ECS service that runs its tasks."""

    name: str
    virtual_node: str
    cluster: str = ""
    ecs_service: str = ""
    """Empty if none is known."""
    namespace: str = ""
    """The Cloud Map namespace in which its tasks are registered; empty if they are not."""
    registry: str = ""
    """Their Cloud Map service in it."""
    exists: bool = True
    """Whether its virtual node exists. One that does not is where the next version would go."""
    container: str = ""
    """The container that runs the application in its tasks; empty if that is not clear. Sides may
    call it differently."""


@dataclass(frozen=True)
class MeshService:
    """A service that others made. The resources keep the names that they have."""

    name: str
    """By which `teal` knows it: its virtual service's, shortened where that is unique."""
    mesh: str
    hostname: str
    """The virtual service."""
    router: str
    routes: tuple[str, ...]
    """The routes whose weights are shifted together; empty if that is not clear."""
    port: int
    """The port of its nodes to which the route leads."""
    protocol: str
    """The protocol of their listener there: http, http2, grpc or tcp."""
    found: tuple[MeshSide, ...]
    container: str = ""
    """The container that runs the application of the first side that has tasks, as it is shown and
    told; empty if that is not clear."""
    clean_up: CleanUp = ""
    strategy: Strategy = field(default_factory=Strategy)
    gates: Gates = field(default_factory=Gates)
    further: tuple[tuple[int, str], ...] = ()
    """Ports and protocols of further listeners to which its routes lead."""
    problem: str = ""
    """Why it cannot be deployed, for people, with what to do; empty if it can."""

    @property
    def sides(self) -> tuple[str, ...]:
        return tuple(side.name for side in self.found)

    def side(self, name: str) -> MeshSide:
        """The side of this name, which must be one of `sides`."""
        return next(side for side in self.found if side.name == name)

    def other(self, name: str) -> MeshSide:
        """The first side that is not the one of this name."""
        return next(side for side in self.found if side.name != name)

    def node(self, side: str) -> str:
        """A side's virtual node."""
        return self.side(side).virtual_node

    def ecs_service(self, side: str) -> tuple[str, str]:
        """Cluster and name of a side's ECS service; the name is empty if none is known."""
        found = self.side(side)
        return found.cluster, found.ecs_service

    def registry(self, side: str) -> tuple[str, str]:
        """Cloud Map namespace and service of a side's tasks; empty if they do not register."""
        found = self.side(side)
        return found.namespace, found.registry

    def application(self, side: str) -> str:
        """The container that runs the application in a side's tasks."""
        return self.side(side).container or self.container

    @property
    def desired_count(self) -> int | None:
        """None: a side gets as many tasks as the other one has."""
        return None

    @property
    def listeners(self) -> tuple[tuple[int, str], ...]:
        """Ports and protocols of its nodes' listeners to which its routes lead."""
        return ((self.port, self.protocol), *self.further)

    def to_json(self) -> MeshServiceBody:
        """The body that the store keeps."""
        return cast("MeshServiceBody", asdict(self))

    @classmethod
    def from_json(cls, body: MeshServiceBody) -> MeshService:
        """The service that `to_json` wrote. Members of later versions are ignored."""
        known = known_members(cls, body)
        # Earlier versions shifted one route.
        known["routes"] = tuple(body.get("routes") or [r for r in [body.get("route", "")] if r])
        known["further"] = tuple((port, kind) for port, kind in body.get("further", ()))
        known["found"] = tuple(MeshSide(**known_members(MeshSide, side)) for side in body["found"])
        known["strategy"] = stored_strategy(body["strategy"])
        known["gates"] = stored_gates(body["gates"])
        return cls(**known)


def counterpart(live: MeshSide, word: str, other: str, node: str = "") -> MeshSide:
    """The side ``other``, which does not exist, with the names that its operators would give it:
    those of ``live`` with the word ``word`` replaced.
    """

    def rename(text: str) -> str:
        return renamed(text, word, other)

    return MeshSide(
        name=other,
        virtual_node=node or rename(live.virtual_node),
        cluster=live.cluster,
        ecs_service=rename(live.ecs_service),
        namespace=live.namespace,
        registry=rename(live.registry),
        exists=False,
        container=rename(live.container),
    )
