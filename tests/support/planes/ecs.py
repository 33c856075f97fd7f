"""App Mesh, ECS and Cloud Map without an engine: over HTTP for boto3 and the AWS CLI, or called
directly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tealmesh.apis.appmesh.api import AppMesh
from tealmesh.apis.ecs.api import Ecs
from tealmesh.apis.servicediscovery.api import ServiceDiscovery
from tealmesh.aws.gateway import build_gateway
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.model.arn import DEFAULT_ACCOUNT, DEFAULT_REGION, last_part
from tealmesh.model.clock import random_id, system_clock
from tealmesh.model.ecs.names import revision_key
from tealmesh.model.identity.caller import Caller
from tealmesh.store import Store, Transaction, tables
from tests.support import sdk
from tests.support.programs.server import serve

CALLER = Caller(DEFAULT_ACCOUNT, DEFAULT_REGION, sdk.KEY, "request-1")

FARGATE = {
    "family": "web",
    "requiresCompatibilities": ["FARGATE"],
    "networkMode": "awsvpc",
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [
        {"name": "app", "image": "example/web:1", "portMappings": [{"containerPort": 8080}]}
    ],
}
"""Parameters of RegisterTaskDefinition: the smallest definition that Fargate accepts."""

NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}


class Endpoint:
    """A running gateway with its clients: boto3 and the AWS CLI."""

    def __init__(self, url: str, store: Store) -> None:
        self.url = url
        self.store = store

    def client(self, service: str, region: str = DEFAULT_REGION) -> Any:
        """A boto3 client."""
        return sdk.client(self.url, service, region)

    def write(self, change: Callable[[Transaction], None]) -> None:
        """Change the store, as the engine would."""
        asyncio.run(self.store.write("engine", "test", change))

    def aws(self, *arguments: str) -> Any:
        """Run the AWS CLI; return its JSON output, or None if it prints nothing."""
        return sdk.aws(self.url, *arguments)


@contextmanager
def endpoint(directory: Path) -> Iterator[Endpoint]:
    """Serve App Mesh, ECS and Cloud Map from a new store below ``directory``."""
    store = Store.open(directory / "state.db")
    made = (store, DEFAULT_ACCOUNT, system_clock, random_id)
    services = {
        "appmesh": AppMesh(*made),
        "ecs": Ecs(*made),
        "servicediscovery": ServiceDiscovery(*made),
    }
    app = build_gateway(services, {name: load_model(name) for name in services}, dict)
    try:
        with serve(app) as url:
            yield Endpoint(url, store)
    finally:
        store.close()


def one_task(ecs: Endpoint) -> str:
    """A task of a new cluster ``shop``, of the first revision of `FARGATE`; its id."""
    client = ecs.client("ecs")
    client.create_cluster(clusterName="shop")
    client.register_task_definition(**FARGATE)
    answer = client.run_task(
        cluster="shop", taskDefinition="web", launchType="FARGATE", networkConfiguration=NETWORK
    )
    return last_part(answer["tasks"][0]["taskArn"])


def stopped_tasks(ecs: Endpoint, like: str, first: int, many: int, **members: object) -> set[str]:
    """So many stopped tasks in that cluster, each of a revision of its own from ``first`` on; their
    ids. ``members``: what they have besides what the task ``like`` has.
    """
    ids = [f"{number:032x}" for number in range(first, first + many)]

    def change(tx: Transaction) -> None:
        task = tx.get(tables.TASKS, "shop", like)
        definition = tx.get(tables.TASK_DEFINITIONS, "web", revision_key(1))
        assert task is not None
        assert definition is not None
        for number, identity in enumerate(ids, first):
            arn = f"{definition.body['taskDefinitionArn'].rpartition(':')[0]}:{number}"
            body: Any = {**definition.body, "revision": number, "taskDefinitionArn": arn}
            tx.put(tables.TASK_DEFINITIONS, "web", revision_key(number), body=body)
            ended: Any = {
                **task.body,
                **members,
                "taskArn": f"{task.body['taskArn'].rpartition('/')[0]}/{identity}",
                "taskDefinitionArn": arn,
                "desiredStatus": "STOPPED",
                "lastStatus": "STOPPED",
            }
            tx.put(tables.TASKS, "shop", identity, body=ended)

    ecs.write(change)
    return set(ids)


class Direct:
    """Calls operations synchronously and without HTTP; the test sets the clock."""

    def __init__(self, path: Path) -> None:
        self.now = 1_700_000_000.0
        self.skew = 0.0
        """By how much somebody has set the wall clock forth."""
        self.boot = "boot-1"

        def clock() -> float:
            return self.now + self.skew

        self.store = Store.open(path, clock, lambda: {"boot": self.boot, "at": self.now})
        made = (self.store, DEFAULT_ACCOUNT, clock, random_id)
        self._ecs = Ecs(*made)
        self._discovery = ServiceDiscovery(*made)

    def ecs(self, operation: str, **request: Any) -> dict[str, Any]:
        """Call an ECS operation by its method's name."""
        answer: dict[str, Any] = asyncio.run(getattr(self._ecs, operation)(CALLER, request))
        return answer

    def discovery(self, operation: str, **request: Any) -> dict[str, Any]:
        """Call a Cloud Map operation by its method's name."""
        call = getattr(self._discovery, operation)
        answer: dict[str, Any] = asyncio.run(call(CALLER, request))
        return answer

    def write(self, collection: str, *parts: str, body: dict[str, Any]) -> None:
        """Write a document, as the engine would."""

        def change(tx: Transaction) -> None:
            tx.put(collection, *parts, body=body)

        asyncio.run(self.store.write("engine", "test", change))
