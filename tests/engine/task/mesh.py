"""An engine beside a real control plane for Envoys, and a mesh as the App Mesh API stores it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc

from tealmesh.engine.context import Times
from tealmesh.engine.engine import Engine
from tealmesh.engine.serving import serving_tasks
from tealmesh.envoy.translate import Translator
from tealmesh.store import tables
from tealmesh.store.snapshot import mesh_names, mesh_snapshot
from tealmesh.store.store import Store
from tealmesh.store.views import Transaction
from tealmesh.xds.streams.cache import AdsCache
from tealmesh.xds.streams.server import AdsServicer
from tests.support.planes.admitting import admission
from tests.support.planes.engine import KEYS, NOWHERE, engine_context, quick_times, running

MESH = "m"


@contextlib.asynccontextmanager
async def engine_and_ads(
    directory: Path, store: Store, times: Times | None = None, envoy: str | None = None
) -> AsyncIterator[tuple[Engine, AdsCache]]:
    """Both at work; convergence is what the Envoys really say. ``envoy`` is the path of their
    binary, None for the usual one.
    """

    def expected(mesh: str) -> list[str]:
        return serving_tasks(store.view, mesh)

    cache = AdsCache(Translator().translate, expected)
    servicer = AdsServicer(cache, admission(store, KEYS))
    server = grpc.aio.server()
    servicer.add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    async def feed() -> None:
        async for view in store.watch():
            for mesh in mesh_names(view):
                snapshot = mesh_snapshot(view, mesh)
                assert snapshot is not None
                cache.update(snapshot)

    async def converged(mesh: str, revision: int, timeout: float) -> bool:
        return (await cache.wait_converged(mesh, revision, timeout)).converged

    feeding = asyncio.create_task(feed())
    given = engine_context(
        directory,
        store,
        converged=converged,
        plane=replace(NOWHERE, xds_address=f"127.0.0.1:{port}", envoy=envoy),
        times=times or quick_times(drain=5, converge=10),
    )
    try:
        async with running(given) as engine:
            yield engine, cache
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        servicer.close()
        await server.stop(grace=0.2)


def resource(name: str, spec: dict[str, Any], parent: str = "") -> Any:
    """A stored resource of the mesh, of any kind."""
    return {
        "meshName": MESH,
        "name": name,
        "parent": parent,
        "arn": f"arn:aws:appmesh:us-east-1:123456789012:mesh/{MESH}/{parent}{name}",
        "uid": f"{parent}-{name}",
        "version": 1,
        "createdAt": 0.0,
        "lastUpdatedAt": 0.0,
        "spec": spec,
        "tags": {},
    }


def listener(path: str | None = "/health") -> dict[str, Any]:
    body: dict[str, Any] = {"portMapping": {"port": 8080, "protocol": "http"}}
    if path is not None:
        body["healthCheck"] = {
            "protocol": "http",
            "path": path,
            "port": 8080,
            "healthyThreshold": 2,
            "unhealthyThreshold": 2,
            "timeoutMillis": 2000,
            "intervalMillis": 5000,
        }
    return body


async def put_mesh(store: Store) -> None:
    """Virtual service ``web.local`` provided by node ``web`` (ECS service ``web`` in Cloud Map),
    called by node ``caller`` and through gateway ``gate``.
    """
    namespace: Any = {"id": "ns-1", "name": "local", "wire": {"Type": "HTTP"}}
    registry: Any = {"id": "srv-1", "name": "web", "namespaceId": "ns-1", "wire": {}}
    cloud_map = {
        "namespaceName": "local",
        "serviceName": "web",
        "attributes": [{"key": "ECS_SERVICE_NAME", "value": "web"}],
    }
    node = {"listeners": [listener()], "serviceDiscovery": {"awsCloudMap": cloud_map}}
    caller = {"backends": [{"virtualService": {"virtualServiceName": "web.local"}}]}
    gate = {"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}]}
    target = {"target": {"virtualService": {"virtualServiceName": "web.local"}}}
    route = {"httpRoute": {"match": {"prefix": "/"}, "action": target}}
    provider = {"provider": {"virtualNode": {"virtualNodeName": "web"}}}

    def write(tx: Transaction) -> None:
        tx.put(tables.NAMESPACES, "ns-1", body=namespace)
        tx.put(tables.SD_SERVICES, "srv-1", body=registry)
        tx.put(tables.MESHES, MESH, body=resource(MESH, {}))
        tx.put(tables.VIRTUAL_NODES, MESH, "web", body=resource("web", node))
        tx.put(tables.VIRTUAL_NODES, MESH, "caller", body=resource("caller", caller))
        tx.put(tables.VIRTUAL_SERVICES, MESH, "web.local", body=resource("web.local", provider))
        tx.put(tables.VIRTUAL_GATEWAYS, MESH, "gate", body=resource("gate", gate))
        tx.put(tables.GATEWAY_ROUTES, MESH, "gate", "r", body=resource("r", route, "gate"))

    await store.write("test", "Mesh", write)


def envoy(node: str, kind: str = "virtualNode", **environment: str) -> dict[str, Any]:
    """A container definition of the sidecar, as users write it."""
    variables = {"APPMESH_RESOURCE_ARN": f"mesh/{MESH}/{kind}/{node}", **environment}
    return {
        "name": "envoy",
        "image": "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod",
        "essential": True,
        "environment": [{"name": n, "value": v} for n, v in variables.items()],
    }


REGISTRY = {"registryArn": "arn:aws:servicediscovery:us-east-1:1:service/srv-1"}
