"""The mesh of the swarm as documents of the store, and the Envoys that belong to it.

Every task has a document as the engine writes it, so that its Envoy is admitted by a token of its
own and is waited for in convergence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tealmesh.engine.state import Phase
from tealmesh.model.identity.envoys import Identity, Owner, token
from tealmesh.model.identity.keys import Keys
from tealmesh.store import Transaction, tables

MESH, CLUSTER = "m", "swarm"
MASTER, OWNER = "the master key of the bench", "the owner's token"
NODES = 20
CALLS = 5
"""Virtual services that each node calls; all call the first one, whose weights change."""
INSTANCES = 10
"""Cloud Map instances of each node. A task for each Envoy would fill a full mesh's endpoints."""
PORT = 8080


@dataclass(frozen=True)
class Envoy:
    """One invented Envoy."""

    node_id: str
    task: str
    token: str
    address: str
    """Of its task; empty where its traffic is redirected."""


def envoys(count: int, keys: Keys, *, addressed: bool) -> Iterator[Envoy]:
    """The Envoys of so many tasks, with tokens that the control plane's own key signed."""
    for number in range(count):
        task, node = task_arn(number), f"mesh/{MESH}/virtualNode/n{number % NODES}"
        text = token(Identity(Owner.TASK, task, node), keys.envoys[0])
        yield Envoy(node, task, text, _address(number) if addressed else "")


def task_arn(number: int) -> str:
    return f"arn:aws:ecs:us-east-1:123456789012:task/{CLUSTER}/{number:032x}"


def put_tasks(tx: Transaction, count: int) -> None:
    """The documents of so many running tasks with an Envoy."""
    for number in range(count):
        task = task_arn(number)
        envoy = {"mesh": MESH, "kind": "virtualNode", "name": f"n{number % NODES}"}
        teal = {"phase": Phase.RUN.value, "envoy": envoy, "keyed": True}
        body: Any = {"taskArn": task, "lastStatus": "RUNNING", "teal": teal, "containers": []}
        tx.put(tables.TASKS, CLUSTER, task.rpartition("/")[2], body=body)


def put_mesh(tx: Transaction, mesh: str, *, nodes: int = NODES, routes: int = 1) -> None:
    """A mesh of ``nodes`` virtual nodes, half as many services that each lead to two of them, and
    ``routes`` routes at each of their routers.
    """
    wire: Any = {"Type": "HTTP"}
    named: Any = {"id": f"ns-{mesh}", "name": f"{mesh}.local", "vpc": "", "wire": wire}
    namespace: Any = {**named, "tags": [], "request": {}}
    tx.put(tables.NAMESPACES, f"ns-{mesh}", body=namespace)
    _put(tx, tables.MESHES, mesh, "", mesh, {})
    services = nodes // 2
    for number in range(nodes):
        _put_node(tx, mesh, number, services)
    for service in range(services):
        name = f"s{service}.{mesh}.local"
        mapping = {"portMapping": {"port": PORT, "protocol": "http"}}
        _put(tx, tables.VIRTUAL_ROUTERS, mesh, "", f"r{service}", {"listeners": [mapping]})
        provider = {"virtualRouter": {"virtualRouterName": f"r{service}"}}
        _put(tx, tables.VIRTUAL_SERVICES, mesh, "", name, {"provider": provider})
        for route in range(routes):
            put_route(tx, mesh, service, route, 0)


def put_route(tx: Transaction, mesh: str, service: int, route: int, weight: int) -> None:
    """Give the second node of a service ``weight`` of 100 at one of its routes."""
    weights = {f"n{2 * service}": 100 - weight, f"n{2 * service + 1}": weight}
    targets = [{"virtualNode": node, "weight": share} for node, share in weights.items()]
    match = {"prefix": "/" if route == 0 else f"/p{route}"}
    spec = {"httpRoute": {"match": match, "action": {"weightedTargets": targets}}}
    _put(tx, tables.ROUTES, mesh, f"r{service}", f"t{route}", spec)


def _put_node(tx: Transaction, mesh: str, number: int, services: int) -> None:
    called = sorted({0, *((number + step) % services for step in range(1, CALLS))})
    backends = [{"virtualService": {"virtualServiceName": f"s{s}.{mesh}.local"}} for s in called]
    found = {"namespaceName": f"{mesh}.local", "serviceName": f"n{number}"}
    spec = {
        "listeners": [{"portMapping": {"port": PORT, "protocol": "http"}}],
        "serviceDiscovery": {"awsCloudMap": found},
        "backends": backends,
    }
    _put(tx, tables.VIRTUAL_NODES, mesh, "", f"n{number}", spec)
    service = f"srv-{mesh}-{number}"
    named: Any = {"id": service, "name": f"n{number}", "namespaceId": f"ns-{mesh}", "wire": {}}
    body: Any = {**named, "attributes": {}, "tags": [], "request": ""}
    tx.put(tables.SD_SERVICES, service, body=body)
    for instance in range(INSTANCES):
        attributes = {"AWS_INSTANCE_IPV4": f"10.9.{number % 256}.{instance + 1}"}
        one: Any = {"id": f"i{instance}", "serviceId": service, "attributes": attributes}
        one |= {"health": "HEALTHY", "draining": False}
        tx.put(tables.INSTANCES, service, f"i{instance}", body=one)


# Any: the specifications of six kinds of resource.
def _put(tx: Transaction, collection: Any, mesh: str, parent: str, name: str, spec: Any) -> None:
    path = [mesh] if collection == tables.MESHES else [mesh, *filter(None, [parent]), name]
    known = tx.get(collection, *path)
    body = {
        "meshName": mesh,
        "name": name,
        "parent": parent,
        "arn": f"arn:aws:appmesh:us-east-1:123456789012:mesh/{'/'.join(path)}",
        "uid": "-".join(path),
        "version": known.body["version"] + 1 if known else 1,
        "createdAt": 0.0,
        "lastUpdatedAt": 0.0,
        "meshOwner": "123456789012",
        "resourceOwner": "123456789012",
        "spec": spec,
        "tags": {},
    }
    tx.put(collection, *path, body=body)


def _address(number: int) -> str:
    """Never bound: nothing listens."""
    return f"127.{1 + number // 65025}.{number // 255 % 255}.{1 + number % 255 % 254}"
