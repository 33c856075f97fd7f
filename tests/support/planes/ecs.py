"""ECS and Cloud Map without the engine: behind real HTTP for boto3 and the AWS CLI, or called
directly on a clock that the test moves.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tealmesh.apis.appmesh.api import AppMesh
from tealmesh.apis.ecs.api import Ecs
from tealmesh.apis.servicediscovery.api import ServiceDiscovery
from tealmesh.aws.gateway import build_gateway
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.model.arn import DEFAULT_ACCOUNT, DEFAULT_REGION
from tealmesh.model.caller import Caller
from tealmesh.model.clock import random_id, system_clock
from tealmesh.store import Store, Transaction
from tests.support.programs.server import serve

CALLER = Caller(DEFAULT_ACCOUNT, DEFAULT_REGION, "AKIDTEST", "request-1")

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
"""The least task definition that Fargate takes, as RegisterTaskDefinition's parameters."""

NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}


class Endpoint:
    """A served gateway: boto3 clients and the real AWS CLI for it."""

    def __init__(self, url: str, store: Store) -> None:
        self.url = url
        self.store = store

    def client(self, service: str, region: str = DEFAULT_REGION) -> Any:
        """A boto3 client that does not hide an error behind retries."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id="AKIDTEST",
            aws_secret_access_key="secret",
            # DiscoverInstances would go to the host "data-127.0.0.1" otherwise.
            config=Config(retries={"total_max_attempts": 1}, inject_host_prefix=False),
        )

    def write(self, change: Callable[[Transaction], None]) -> None:
        """Change the store as the engine would."""
        asyncio.run(self.store.write("engine", "test", change))

    def aws(self, *arguments: str) -> Any:
        """Run the AWS CLI; its JSON output, or None where it prints nothing."""
        environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "AKIDTEST",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": DEFAULT_REGION,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_PAGER": "",
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        }
        done = subprocess.run(
            [str(Path(sys.executable).parent / "aws"), "--output", "json", *arguments],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None


@contextmanager
def endpoint(directory: Path) -> Iterator[Endpoint]:
    """Serve App Mesh, ECS and Cloud Map on a fresh store below ``directory``."""
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


class Direct:
    """Calls operations synchronously, without HTTP, on a clock that the test moves."""

    def __init__(self, path: Path) -> None:
        self.now = 1_700_000_000.0
        self.store = Store.open(path, clock=lambda: self.now)
        made = (self.store, DEFAULT_ACCOUNT, lambda: self.now, random_id)
        self._ecs = Ecs(*made)
        self._discovery = ServiceDiscovery(*made)

    def ecs(self, operation: str, **request: Any) -> dict[str, Any]:
        """An ECS operation by its method's name."""
        answer: dict[str, Any] = asyncio.run(getattr(self._ecs, operation)(CALLER, request))
        return answer

    def discovery(self, operation: str, **request: Any) -> dict[str, Any]:
        """A Cloud Map operation by its method's name."""
        call = getattr(self._discovery, operation)
        answer: dict[str, Any] = asyncio.run(call(CALLER, request))
        return answer

    def write(self, collection: str, *parts: str, body: dict[str, Any]) -> None:
        """Put a document as the engine would."""

        def change(tx: Transaction) -> None:
            tx.put(collection, *parts, body=body)

        asyncio.run(self.store.write("engine", "test", change))
