"""How many responses are encoded for one subscribed Envoy, and for fifty."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from envoy.config.cluster.v3 import cluster_pb2
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from tests.support.meshes.builder import MeshBuilder
from tests.xds.harness import TOKEN, serving

from bench.measurement import Measurement
from tealmesh.envoy.resources import ResourceType
from tealmesh.envoy.translate import Translator
from tealmesh.model.mesh import Kind
from tealmesh.xds.streams.cache import AdsCache

ENVOYS = 50
CHANGES = 20


def measure() -> list[Measurement]:
    """Encoded responses per change of weights: fifty Envoys of one virtual node against one."""
    one, many = (asyncio.run(_encodes(count)) for count in (1, ENVOYS))
    name = f"responses encoded a weight change, {ENVOYS} Envoys"
    return [Measurement(name, many, "responses", one, "with one Envoy", one + 0.01)]


async def _encodes(count: int) -> float:
    mesh = MeshBuilder()
    for node in ("blue", "green"):
        mesh.node(node)
    mesh.caller("front", "web.local")
    router = {"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}]}
    mesh.put(Kind.VIRTUAL_ROUTER, "web", router)
    provider = {"virtualRouter": {"virtualRouterName": "web"}}
    mesh.put(Kind.VIRTUAL_SERVICE, "web.local", {"provider": provider})
    _weigh(mesh, 50)
    cache = AdsCache(Translator().translate, lambda _: [f"task-{i}" for i in range(count)])
    async with serving(cache) as port, asyncio.TaskGroup() as group:
        clients = [group.create_task(_subscriber(port, f"task-{i}")) for i in range(count)]
        await _update(cache, mesh)
        before = cache.encodes
        for change in range(CHANGES):
            _weigh(mesh, change)
            await _update(cache, mesh)
        for client in clients:
            client.cancel()
    return (cache.encodes - before) / CHANGES


def _weigh(mesh: MeshBuilder, green: int) -> None:
    weights = {"blue": 100 - green, "green": green}
    targets = [{"virtualNode": node, "weight": weight} for node, weight in weights.items()]
    route = {"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}}
    mesh.put(Kind.ROUTE, "all", route, parent="web")


async def _update(cache: AdsCache, mesh: MeshBuilder) -> None:
    snapshot = mesh.snapshot()
    cache.update(snapshot)
    convergence = await cache.wait_converged("m", snapshot.revision, 30)
    if not convergence.converged:
        raise SystemExit(f"bench: {len(convergence.waiting)} subscribers have not converged")


async def _subscriber(port: int, task: str) -> None:
    """A state-of-the-world subscriber that acknowledges everything and asks for the endpoints of
    its clusters, as Envoy does.
    """
    names: dict[str, list[str]] = {ResourceType.ROUTE: ["rds_egress_http_15001"]}
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = ads_pb2_grpc.AggregatedDiscoveryServiceStub(channel)
        call = stub.StreamAggregatedResources(metadata=(("authorization", f"Bearer {TOKEN}"),))
        for type_url in (ResourceType.CLUSTER, ResourceType.LISTENER, ResourceType.ROUTE):
            request = discovery_pb2.DiscoveryRequest(type_url=type_url)
            request.node.id = "mesh/m/virtualNode/front"
            request.node.metadata.update({"tealmesh": {"task": task}})
            request.resource_names.extend(names.get(type_url, ()))
            await call.write(request)
        async for response in call:
            await call.write(_ack(response, names))
            if response.type_url == ResourceType.CLUSTER:
                names[ResourceType.ENDPOINT] = _endpoint_names(response)
                ask = discovery_pb2.DiscoveryRequest(type_url=ResourceType.ENDPOINT)
                ask.resource_names.extend(names[ResourceType.ENDPOINT])
                await call.write(ask)


def _ack(
    response: discovery_pb2.DiscoveryResponse, names: dict[str, list[str]]
) -> discovery_pb2.DiscoveryRequest:
    return discovery_pb2.DiscoveryRequest(
        type_url=response.type_url,
        version_info=response.version_info,
        response_nonce=response.nonce,
        resource_names=names.get(response.type_url, ()),
    )


def _endpoint_names(response: discovery_pb2.DiscoveryResponse) -> list[str]:
    names = []
    for packed in response.resources:
        cluster = cluster_pb2.Cluster()
        packed.Unpack(cluster)
        if cluster.HasField("eds_cluster_config"):
            names.append(cluster.eds_cluster_config.service_name or cluster.name)
    return names
