"""A server and a caller with TLS between their Envoys, under a control plane."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from tealmesh.envoy.translate import Translator
from tealmesh.model.certificates import Material
from tealmesh.model.mesh import Kind, MeshSnapshot
from tealmesh.xds.streams.cache import AdsCache
from tests.support.certificates import Authority, Leaf
from tests.support.meshes.builder import MeshBuilder
from tests.support.programs.backend import backend
from tests.support.programs.envoy import loopback
from tests.xds.harness import envoy, serving

PORT = 8080
SERVER, APP, CALLER = loopback(40), loopback(41), loopback(42)
NAME = "server.ns"
"""The name that callers expect of node ``server``: Cloud Map's service and namespace."""


@dataclass
class Pki:
    """Two authorities that do not know each other, and certificates of the first."""

    mesh: Authority
    other: Authority
    server: Leaf
    client: Leaf
    stranger: Leaf


def file_of(leaf: Leaf) -> dict[str, Any]:
    """A certificate from the sidecar's files."""
    chain, key = str(leaf.chain_file), str(leaf.key_file)
    return {"file": {"certificateChain": chain, "privateKey": key}}


def trusting(authority: Authority, *names: str) -> dict[str, Any]:
    """A validation by an authority's file, and by ``names`` if there are any."""
    validation: dict[str, Any] = {"trust": {"file": {"certificateChain": str(authority.file)}}}
    if names:
        validation["subjectAlternativeNames"] = {"match": {"exact": list(names)}}
    return validation


def policy(validation: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"clientPolicy": {"tls": {"validation": dict(validation), **more}}}


@dataclass
class Rig:
    """A server and its callers under one control plane."""

    directory: Path
    port: int
    cache: AdsCache
    builder: MeshBuilder
    stack: contextlib.AsyncExitStack
    environment: dict[str, str] = field(default_factory=dict)
    delta: bool = True
    material: dict[str, Material] = field(default_factory=dict)

    async def start(self, name: str, address: str, kind: Kind = Kind.VIRTUAL_NODE) -> str:
        """The Envoy of a node; the URL of its admin."""
        resource = f"mesh/m/{kind.value}/{name}"
        started = envoy(
            self.directory,
            self.port,
            resource,
            address,
            delta=self.delta,
            app_address=APP,
            environment=self.environment,
        )
        return await self.stack.enter_async_context(started)

    def snapshot(self) -> MeshSnapshot:
        return replace(self.builder.snapshot(), material=dict(self.material))

    async def drop_connections(self) -> None:
        """Make Envoys open new connections upstream, by replacing their hosts."""
        self.builder.instances("server", "127.0.0.99")
        await self.publish()
        self.builder.instances("server", SERVER)
        await self.publish()

    async def publish(self) -> None:
        """Send the mesh as it stands, and wait until every Envoy runs with it."""
        snapshot = self.snapshot()
        self.cache.update(snapshot)
        reached = await self.cache.wait_converged("m", snapshot.revision, 20)
        assert reached.converged, reached

    def server(self, tls: Mapping[str, Any] | None, protocol: str = "http") -> None:
        """Node ``server`` with this TLS, behind the service ``shop.local``."""
        listener = {"tls": dict(tls)} if tls else {}
        self.builder.node("server", PORT, protocol, listener=listener)
        self.builder.instances("server", SERVER)

    def caller(self, defaults: Mapping[str, Any] | None = None, **own: Any) -> None:
        """Node ``caller`` with these backend defaults; ``own`` is its one backend's policy."""
        service = {"virtualServiceName": "shop.local", **own}
        spec: dict[str, Any] = {"backends": [{"virtualService": service}]}
        if defaults is not None:
            spec["backendDefaults"] = dict(defaults)
        self.builder.put(Kind.VIRTUAL_NODE, "caller", spec)


def both(
    rig: Rig, tls: Mapping[str, Any] | None, defaults: Mapping[str, Any] | None = None
) -> None:
    """Both nodes: the server's TLS and the caller's backend defaults."""
    rig.server(tls)
    rig.caller(defaults)


def plain(rig: Rig) -> None:
    """Both nodes without TLS."""
    both(rig, None)


def strict(pki: Pki, **more: Any) -> dict[str, Any]:
    """TLS alone at the server, with its certificate from a file."""
    return {"mode": "STRICT", "certificate": file_of(pki.server), **more}


@contextlib.asynccontextmanager
async def rig(directory: Path) -> AsyncIterator[Rig]:
    """A mesh whose node ``server`` runs an application; nothing is published yet."""
    cache = AdsCache(Translator().translate, lambda mesh: ())
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(backend("app", APP, PORT))
        port = await stack.enter_async_context(serving(cache))
        builder = MeshBuilder()
        provider = {"virtualNode": {"virtualNodeName": "server"}}
        builder.put(Kind.VIRTUAL_SERVICE, "shop.local", {"provider": provider})
        yield Rig(directory, port, cache, builder, stack)


async def call(address: str = CALLER) -> int:
    """The status that the caller's application sees."""
    proxy = httpx.Proxy(f"http://{address}:15001")
    async with httpx.AsyncClient(proxy=proxy, timeout=10, verify=False) as client:
        return (await client.get("http://shop.local/")).status_code


async def statistic(admin: str, name: str) -> int:
    async with httpx.AsyncClient(verify=False) as client:
        text = (await client.get(f"{admin}/stats", params={"filter": f"{name}$"})).text
    return sum(int(line.rpartition(":")[2]) for line in text.splitlines())
