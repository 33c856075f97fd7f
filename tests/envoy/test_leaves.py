"""Every leaf that counts as translated acts: another value there makes other Envoy resources.

Leaves are changed one at a time in generated meshes. `SILENT` names those that cannot act alone,
each with its reason; one that does act after all fails the test too.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tealmesh.apis.appmesh import route_rules
from tealmesh.apis.appmesh import spec_rules as rules
from tealmesh.envoy.resources import ResourceSet
from tealmesh.envoy.support import HANDLED
from tealmesh.envoy.translate import Translator
from tealmesh.model.certificates import Material
from tealmesh.model.mesh import Kind, MeshResource, MeshSnapshot
from tealmesh.store.snapshot import mesh_snapshot
from tests.behaviour.secrets import ACM, PCA
from tests.support.meshes.broken import Place, changed, places, value_at
from tests.support.meshes.specs import Writer, all_leaves, spec_shape
from tests.support.planes import worlds
from tests.support.planes.appmesh import Direct

MESHES = 20
TRIED = 150
"""Changes of a leaf, at most three an occurrence, before it counts as silent: a member may be
overruled by another one beside it, or stand where no proxy of its mesh comes by.
"""

_PORT = "must be the listener's port, which it is without it too"
SILENT: Mapping[tuple[Kind, str], str] = {
    (Kind.VIRTUAL_NODE, "listeners[].healthCheck.port"): _PORT,
    (Kind.VIRTUAL_GATEWAY, "listeners[].healthCheck.port"): _PORT,
}
"""Leaves that have no effect of their own, and why."""

ARNS = {
    f"{arn}{more}": Material(f"root of {arn}{more}", f"chain of {more}", f"key of {more}")
    for arn in (ACM, f"{PCA}mesh", f"{PCA}other")
    for more in ("", "x")
}


@dataclass(frozen=True)
class Occurrence:
    """A leaf in one resource of one mesh."""

    snapshot: MeshSnapshot
    resource: MeshResource
    at: Place


class Meshes:
    """Generated meshes and what their proxies run with."""

    def __init__(self, directory: Path) -> None:
        self.translator = Translator()
        self.occurrences: dict[tuple[Kind, str], list[Occurrence]] = {}
        self._before: dict[int, list[ResourceSet]] = {}
        self._revisions = itertools.count(1_000_000)
        asyncio.run(self._generate(directory))

    async def _generate(self, directory: Path) -> None:
        direct, unused = Direct(directory / "state.db", worlds.UNBOUNDED), all_leaves()
        try:
            for number in range(MESHES):
                chance = Random(number)
                # Full specifications have what is rare, in sparse ones nothing is overruled.
                writer = Writer(chance, directory, unused, presence=(0.8, 0.4)[number % 2])
                for made in worlds.plan(writer):
                    await worlds.create(direct, f"m{number}", made)
                snapshot = mesh_snapshot(direct.store.view, f"m{number}")
                assert snapshot is not None
                self._note(worlds.populated(snapshot, chance, ARNS))
        finally:
            direct.close()

    def _note(self, snapshot: MeshSnapshot) -> None:
        for resource in resources(snapshot):
            for path, at in places(resource.spec):
                occurrences = self.occurrences.setdefault((resource.kind, path), [])
                occurrences.append(Occurrence(snapshot, resource, at))

    def acts(self, one: Occurrence, value: Any) -> bool:
        """Whether some proxy's resources are others with ``value`` there."""
        snapshot = one.snapshot
        if snapshot.revision not in self._before:
            self._before[snapshot.revision] = self._translated(snapshot)
        # Of a list whose elements can have one value alone, the list is taken away.
        at = one.at[:-1] if value is None else one.at
        spec = changed(dict(one.resource.spec), at, value)
        resource = replace(one.resource, spec=spec, revision=next(self._revisions))
        after = self._translated(with_resource(snapshot, resource))
        return after != self._before[snapshot.revision]

    def _translated(self, snapshot: MeshSnapshot) -> list[ResourceSet]:
        every = [p for address in ("", "127.0.0.5") for p in worlds.proxies(snapshot, address)]
        return [self.translator.translate(snapshot, proxy) for proxy in every]


def resources(snapshot: MeshSnapshot) -> Iterator[MeshResource]:
    yield snapshot.mesh
    yield from snapshot.virtual_nodes.values()
    yield from snapshot.virtual_services.values()
    yield from snapshot.virtual_routers.values()
    yield from snapshot.virtual_gateways.values()
    for nested in (snapshot.routes, snapshot.gateway_routes):
        for children in nested.values():
            yield from children.values()


def with_resource(snapshot: MeshSnapshot, resource: MeshResource) -> MeshSnapshot:
    """The snapshot with another version of one resource."""
    member = {
        Kind.MESH: "mesh",
        Kind.VIRTUAL_NODE: "virtual_nodes",
        Kind.VIRTUAL_SERVICE: "virtual_services",
        Kind.VIRTUAL_ROUTER: "virtual_routers",
        Kind.ROUTE: "routes",
        Kind.VIRTUAL_GATEWAY: "virtual_gateways",
        Kind.GATEWAY_ROUTE: "gateway_routes",
    }[resource.kind]
    if resource.kind is Kind.MESH:
        return replace(snapshot, mesh=resource)
    held = getattr(snapshot, member)
    if resource.parent:
        siblings = {**held[resource.parent], resource.name: resource}
        return replace(snapshot, **{member: {**held, resource.parent: siblings}})
    return replace(snapshot, **{member: {**held, resource.name: resource}})


def shape_at(kind: Kind, path: str) -> Any:
    shape = spec_shape(kind)
    for step in path.split("."):
        shape = shape.members[step.removesuffix("[]")]
        shape = shape.member if step.endswith("[]") else shape
    return shape


RULES: Mapping[Kind, Callable[[Any], Iterator[rules.Problem]]] = {
    Kind.VIRTUAL_NODE: rules.virtual_node,
    Kind.VIRTUAL_GATEWAY: rules.virtual_gateway,
    Kind.VIRTUAL_ROUTER: rules.virtual_router,
    Kind.ROUTE: route_rules.route,
    Kind.GATEWAY_ROUTE: route_rules.gateway_route,
}


def others(one: Occurrence, path: str) -> Iterator[Any]:
    """Other values that the model and the rules between members allow there."""
    kind, spec = one.resource.kind, dict(one.resource.spec)
    shape, value = shape_at(kind, path), value_at(spec, one.at)
    writer = Writer(Random(path), Path("/nowhere"))
    if shape.metadata.get("enum") == [value]:
        yield None
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    candidates = [low, high, *(writer.scalar(shape, path) for _ in range(6))]
    candidates += [f"{value}x" if isinstance(value, str) else value + 1]
    for other in dict.fromkeys(candidates):
        if type(other) is type(value) and other != value and _allowed(kind, path, other):
            rule = RULES.get(kind)
            if rule is None or not list(rule(changed(spec, one.at, other))):
                yield other


def _allowed(kind: Kind, path: str, value: Any) -> bool:
    traits = shape_at(kind, path).metadata
    if isinstance(value, str):
        return "enum" not in traits or value in traits["enum"]
    return bool(traits.get("min", value) <= value <= traits.get("max", value))


@pytest.fixture(scope="module")
def meshes(tmp_path_factory: pytest.TempPathFactory) -> Meshes:
    return Meshes(tmp_path_factory.mktemp("leaves"))


@pytest.mark.parametrize("kind", list(Kind))
def test_every_handled_leaf_acts(meshes: Meshes, kind: Kind) -> None:
    silent = []
    for path in sorted(HANDLED[kind]):
        tried = (
            (one, other)
            for one in meshes.occurrences[kind, path]
            for other in itertools.islice(others(one, path), 3)
        )
        if not any(meshes.acts(*each) for each in itertools.islice(tried, TRIED)):
            silent.append(path)
    expected = [path for of, path in SILENT if of is kind]
    assert silent == expected, "\n".join(silent)
