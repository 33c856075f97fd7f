"""How long one node's whole translation takes at App Mesh's quotas, and one changed route.

The mesh has 200 virtual nodes and 200 virtual services. The node that is translated calls 50 of
them, each with a router of 50 routes: App Mesh's quota of 50 routes applies to each router. Times
are of the processor, so that other load on the machine matters less.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.support.meshes.builder import MeshBuilder

from bench.measurement import Measurement
from tealmesh.envoy.resources import ResourceSet
from tealmesh.envoy.translate import Translator

NODES, SERVICES, BACKENDS, ROUTES = 200, 200, 50, 50
TIMES = 15
FULL_MS = 100.0
"""The promised time of one node's whole translation, in milliseconds."""


def measure() -> list[Measurement]:
    """Whole translations without a cache, then with one changed route."""
    mesh, proxy = _mesh(), MeshBuilder().proxy("web", address="127.0.0.5")
    snapshot = mesh.snapshot()
    few = _mesh(backends=1)
    small = few.snapshot()
    full = _milliseconds(lambda: Translator().translate(snapshot, proxy))
    one = _milliseconds(lambda: Translator().translate(small, proxy))
    update, built = _one_route(mesh)
    shape = f"{BACKENDS} backends x {ROUTES} routes"
    return [
        Measurement(
            f"whole translation, {NODES} nodes, {SERVICES} services, {shape}",
            full,
            "ms",
            one,
            f"with 1 backend x {ROUTES} routes",
            FULL_MS,
        ),
        Measurement(
            f"one changed route of {BACKENDS * ROUTES}",
            update,
            "ms",
            full,
            "the whole translation",
            FULL_MS,
        ),
        Measurement(
            "Envoy resources built again for one changed route",
            built,
            "resources",
            len(_resources(Translator().translate(snapshot, proxy))),
            "all of the node's",
            1,
        ),
    ]


def _mesh(backends: int = BACKENDS) -> MeshBuilder:
    mesh = MeshBuilder()
    for node in range(NODES):
        mesh.node(f"n{node}")
        mesh.instances(f"n{node}", f"127.1.0.{node + 1}")
    for service in range(SERVICES):
        mesh.service(f"s{service}.local", f"r{service}")
    for service in range(BACKENDS):
        for route in range(ROUTES):
            _route(mesh, service, route, 9)
    mesh.caller("web", *(f"s{service}.local" for service in range(backends)))
    return mesh


def _route(mesh: MeshBuilder, service: int, route: int, weight: int) -> None:
    first = (service * 3 + route) % NODES
    weights = {f"n{first}": 1, f"n{(first + 1) % NODES}": weight}
    mesh.route(f"r{service}", f"t{route}", weights, match={"prefix": f"/p{route}"})


def _milliseconds(work: Callable[[], object]) -> float:
    """The shortest of several times; longer ones were disturbed."""
    taken = []
    for _ in range(TIMES):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken) * 1000


def _one_route(mesh: MeshBuilder) -> tuple[float, int]:
    """Milliseconds to translate again after one route has changed, and the number of resources
    that were built again.
    """
    translator, proxy = Translator(), mesh.proxy("web", address="127.0.0.5")
    before = translator.translate(mesh.snapshot(), proxy)
    taken, built = [], 0
    for change in range(TIMES):
        _route(mesh, 7, 3, change)
        snapshot = mesh.snapshot()
        start = time.process_time()
        after = translator.translate(snapshot, proxy)
        taken.append(time.process_time() - start)
        known = set(map(id, _resources(before)))
        built = max(built, sum(id(one) not in known for one in _resources(after)))
        before = after
    return min(taken) * 1000, built


def _resources(made: ResourceSet) -> list[object]:
    kinds = (made.clusters, made.endpoints, made.listeners, made.routes, made.secrets)
    return [resource for kind in kinds for resource in kind.values()]


if __name__ == "__main__":
    for each in measure():
        print(f"{each.name}: {each.value:.3g} {each.unit} ({each.baseline:.3g} {each.compared})")
