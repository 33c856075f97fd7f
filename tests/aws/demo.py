"""A small real service of meshes, to put behind the gateway in tests."""

from __future__ import annotations

import asyncio
from typing import Any

from tealmesh.aws.gateway import Fallback, build_gateway
from tealmesh.aws.moto.backend import Moto
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.model.errors import AwsError, EngineError
from tealmesh.model.identity.caller import Caller


class Meshes:
    """Four operations of App Mesh in memory."""

    def __init__(self) -> None:
        self.meshes: dict[str, dict[str, Any]] = {}
        self.callers: list[Caller] = []

    async def create_mesh(self, caller: Caller, request: dict[str, Any]) -> dict[str, Any]:
        self.callers.append(caller)
        name = request["meshName"]
        if name in self.meshes:
            raise AwsError("ConflictException", f"mesh {name} exists")
        if name == "engine":
            raise EngineError("port 15000 is in use: stop what holds it")
        if name == "broken":
            raise ZeroDivisionError("a secret that must not be told")
        self.meshes[name] = {
            "meshName": name,
            "metadata": {
                "arn": f"arn:aws:appmesh:{caller.region}:{caller.account}:mesh/{name}",
                "createdAt": 1_700_000_000.123456,
                "lastUpdatedAt": 1_700_000_001.0,
                "meshOwner": caller.account,
                "resourceOwner": caller.account,
                "uid": "5f1c",
                "version": 1,
            },
            "spec": request.get("spec", {}),
            "status": {"status": "ACTIVE"},
            "teal": {"token": "PRIVATE"},
        }
        return {"mesh": self.meshes[name], "teal": "PRIVATE"}

    async def describe_mesh(self, caller: Caller, request: dict[str, Any]) -> dict[str, Any]:
        self.callers.append(caller)
        if request["meshName"] not in self.meshes:
            raise AwsError("NotFoundException", f"There is no mesh {request['meshName']!r} …")
        return {"mesh": self.meshes[request["meshName"]]}

    async def list_meshes(self, caller: Caller, request: dict[str, Any]) -> dict[str, Any]:
        self.callers.append(caller)
        flat = [m["metadata"] | {"meshName": n} for n, m in self.meshes.items()]
        return {"meshes": flat[: request.get("limit", 100)], "nextToken": None}

    async def delete_mesh(self, caller: Caller, request: dict[str, Any]) -> dict[str, Any]:
        return {"mesh": {"meshName": "lacks members", "spec": "not a structure"}}


class Cloud:
    """One operation of Cloud Map, one of ECS."""

    async def discover_instances(self, caller: Caller, request: dict[str, Any]) -> dict[str, Any]:
        return {"Instances": [], "InstancesRevision": 7}

    async def create_http_namespace(
        self, caller: Caller, request: dict[str, Any]
    ) -> dict[str, Any]:
        raise AwsError("DuplicateRequest", "again", DuplicateOperationId="op-1", Private="x")

    async def list_clusters(self, caller: Caller, request: dict[str, Any]) -> dict[str, Any]:
        return {"clusterArns": [f"cluster/{request.get('maxResults')}"]}


class InThreads:
    """moto in this process, as tests of what it answers have it."""

    def __init__(self, moto: Moto) -> None:
        self._moto = moto

    async def answer(self, request: Request, service: str | None, request_id: str) -> Response:
        return await asyncio.to_thread(self._moto.answer, request, service, request_id)


def build_demo(moto: Fallback | None = None, **options: Any) -> tuple[Any, Meshes]:
    """A gateway before ``Meshes`` and ``Cloud``."""
    meshes, cloud = Meshes(), Cloud()
    names = ("appmesh", "ecs", "servicediscovery", "tealmesh")
    services = {"appmesh": meshes, "ecs": cloud, "servicediscovery": cloud}
    models = {name: load_model(name) for name in names}
    health = {"status": "ok", "pid": 1, "version": "0", "revision": 3}
    return build_gateway(services, models, lambda: health, moto, **options), meshes
