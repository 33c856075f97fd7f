"""Generated specifications through the real service and translation into real Envoys.

Between them they use every leaf of the seven specifications.
``TEAL_SPECS`` sets how many are made (500, and 2,000 in drills), ``TEAL_SEED`` which ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import grpc
import pytest

from tealmesh.envoy.resources import ResourceSet
from tealmesh.envoy.translate import Translator
from tealmesh.model.mesh import Kind, MeshSnapshot, Proxy
from tealmesh.store.snapshot import mesh_snapshot
from tealmesh.xds.streams.cache import AdsCache
from tests.behaviour.secrets import Pki, secret_service
from tests.support.drills import examples
from tests.support.meshes.builder import MeshBuilder
from tests.support.meshes.specs import Writer, all_leaves, shape_leaves, spec_shape, value_leaves
from tests.support.planes import worlds
from tests.support.planes.appmesh import Direct
from tests.support.programs.envoy import loopback, static_bootstrap, validate
from tests.xds.harness import envoy, serving

FRONT = "mesh/series/virtualGateway/front"
COUNT = int(os.environ.get("TEAL_SPECS", examples(2000)))
SEED = int(os.environ.get("TEAL_SEED", "0"))


@dataclass
class Generated:
    """The meshes that were made, how many specifications, and which leaves they use."""

    pki: Pki
    snapshots: list[MeshSnapshot] = field(default_factory=list)
    count: int = 0
    leaves: dict[Kind, set[str]] = field(default_factory=lambda: defaultdict(set))


async def generate(directory: Path) -> Generated:
    """Meshes with at least `COUNT` specifications; the service has taken every one of them."""
    pki, unused = Pki.make(directory), all_leaves()
    direct, generated = Direct(directory / "state.db", worlds.UNBOUNDED), Generated(pki)
    try:
        while generated.count < COUNT:
            chance = Random(SEED * 1_000_000 + len(generated.snapshots))
            mesh = f"m{len(generated.snapshots)}"
            for made in worlds.plan(Writer(chance, directory, unused)):
                await worlds.create(direct, mesh, made)
                generated.count += 1
                generated.leaves[made.kind].update(value_leaves(made.spec))
            snapshot = mesh_snapshot(direct.store.view, mesh)
            assert snapshot is not None
            generated.snapshots.append(worlds.populated(snapshot, chance, pki.material()))
    finally:
        direct.close()
    return generated


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return asyncio.run(generate(tmp_path_factory.mktemp("generated")))


def test_every_leaf_is_used(generated: Generated, capsys: pytest.CaptureFixture[str]) -> None:
    exist = {kind: set(shape_leaves(spec_shape(kind))) for kind in Kind}
    with capsys.disabled():
        print(f"\n{generated.count} generated specifications")
        for kind in Kind:
            print(f"  {kind}: {len(generated.leaves[kind])} of {len(exist[kind])} leaf paths")
        used, of = (sum(map(len, each.values())) for each in (generated.leaves, exist))
        print(f"  in all: {used} of {of} leaf paths ({100 * used / of:.1f} %)")
    assert generated.leaves == exist
    assert generated.count >= COUNT


class Series:
    """One Envoy's translation, which gives it another proxy's resources at each revision."""

    def __init__(self, sets: list[ResourceSet]) -> None:
        self.mesh = MeshBuilder("series")
        self.mesh.gateway("front")
        self._sets = sets
        self._at = -1

    def advance(self) -> MeshSnapshot:
        self._at += 1
        return self.mesh.snapshot()

    def __call__(self, snapshot: MeshSnapshot, proxy: Proxy) -> ResourceSet:
        return self._sets[self._at]


@contextlib.asynccontextmanager
async def secrets(pki: Pki, path: Path) -> AsyncIterator[None]:
    """A local secret service at a Unix socket."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((secret_service(pki),))
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(None)


def test_envoy_acknowledges_every_one(generated: Generated, tmp_path: Path) -> None:
    """Over ADS; each proxy's resources take the place of the one's before."""
    address, translator = loopback(2), Translator()
    every = [(s, proxy) for s in generated.snapshots for proxy in worlds.proxies(s, address)]
    series = Series([translator.translate(*each) for each in every])

    environment = {"APPMESH_SDS_SOCKET_PATH": str(tmp_path / "sds.sock")}

    async def scenario() -> dict[str, str]:
        refused = {}
        cache = AdsCache(series, lambda mesh: [], hold_off=0)
        async with secrets(generated.pki, tmp_path / "sds.sock"), serving(cache) as port:
            first = series.advance()
            cache.update(first)
            async with envoy(tmp_path, port, FRONT, loopback(1), environment=environment):
                for _, proxy in every:
                    state = await cache.wait_converged("series", first.revision, 10)
                    if not state.converged:
                        (status,) = cache.envoys("series")
                        refused[proxy.resource] = status.rejected or str(status.pending)
                    if proxy is not every[-1][1]:
                        first = series.advance()
                        cache.update(first)
        return refused

    assert asyncio.run(scenario()) == {}


def test_envoy_validates_a_batch(generated: Generated, tmp_path: Path) -> None:
    """Every sixteenth proxy as where traffic is redirected: those all listen at the same ports."""
    translator = Translator()
    local = [generated.pki.secret(name) for name in ("sds", "web", "mesh-ca", "other-ca")]
    every = [(s, proxy) for s in generated.snapshots for proxy in worlds.proxies(s)]
    for snapshot, proxy in every[::16]:
        bootstrap = static_bootstrap(translator.translate(snapshot, proxy), secrets=local)
        objection = validate(bootstrap, tmp_path)
        assert objection == "", (proxy.resource, objection[-600:])
