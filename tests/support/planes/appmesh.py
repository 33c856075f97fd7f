"""The App Mesh service alone: behind real HTTP for boto3, or called directly."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tealmesh.apis.appmesh.api import AppMesh
from tealmesh.apis.appmesh.quotas import Quotas
from tealmesh.aws.gateway import build_gateway
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.model.arn import DEFAULT_ACCOUNT, DEFAULT_REGION
from tealmesh.model.caller import Caller
from tealmesh.model.clock import random_id, system_clock
from tealmesh.store import Store
from tests.support.programs.server import serve

CALLER = Caller(DEFAULT_ACCOUNT, DEFAULT_REGION, "AKIDTEST", "request-1")


@contextmanager
def appmesh_endpoint(directory: Path, quotas: Quotas | None = None) -> Iterator[str]:
    """Serve the API on a fresh store below ``directory``; gives the endpoint's URL."""
    store = Store.open(directory / "state.db")
    service = AppMesh(store, DEFAULT_ACCOUNT, system_clock, random_id, quotas)
    app = build_gateway({"appmesh": service}, {"appmesh": load_model("appmesh")}, dict)
    try:
        with serve(app) as url:
            yield url
    finally:
        store.close()


def client(url: str, service: str = "appmesh") -> Any:
    """A boto3 client that does not hide an error behind retries."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=DEFAULT_REGION,
        aws_access_key_id="AKIDTEST",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )


class Direct:
    """Calls operations of an `AppMesh` synchronously, on a clock that the test moves."""

    def __init__(self, path: Path, quotas: Quotas | None = None) -> None:
        self.now = 1_700_000_000.0
        self.store = Store.open(path, clock=lambda: self.now)
        self.service = AppMesh(self.store, DEFAULT_ACCOUNT, lambda: self.now, random_id, quotas)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return asyncio.run(self.call_async(operation, **request))

    async def call_async(self, operation: str, **request: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await getattr(self.service, operation)(CALLER, request)
        return answer

    def close(self) -> None:
        self.store.close()
