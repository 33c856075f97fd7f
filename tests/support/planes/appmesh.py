"""The App Mesh service alone: behind real HTTP for boto3, or called directly."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tealmesh.apis.appmesh.api import AppMesh
from tealmesh.apis.appmesh.quotas import Quotas
from tealmesh.aws.gateway import build_gateway
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.model.arn import DEFAULT_ACCOUNT, DEFAULT_REGION
from tealmesh.model.clock import random_id, system_clock
from tealmesh.model.identity.caller import Caller
from tealmesh.store import Store
from tests.support.programs.server import serve
from tests.support.sdk import KEY

CALLER = Caller(DEFAULT_ACCOUNT, DEFAULT_REGION, KEY, "request-1")


@contextmanager
def appmesh_endpoint(directory: Path, quotas: Quotas | None = None) -> Iterator[str]:
    """Serve the API from a new store below ``directory``; yields the URL."""
    with appmesh_replica(directory / "state.db", quotas) as url:
        yield url


@contextmanager
def appmesh_replica(database: Path | str, quotas: Quotas | None = None) -> Iterator[str]:
    """Serve the API from a database that others may use too; yields the URL of the API."""
    with contextlib.closing(Store.open(database)) as store, serving(store, quotas) as url:
        yield url


@contextmanager
def serving(store: Store, quotas: Quotas | None = None) -> Iterator[str]:
    """Serve the API from a store; yields the URL."""
    service = AppMesh(store, DEFAULT_ACCOUNT, system_clock, random_id, quotas)
    models = {"appmesh": load_model("appmesh")}
    with serve(build_gateway({"appmesh": service}, models, dict, fresh=store.fresh)) as url:
        yield url


class Direct:
    """Calls operations of `AppMesh` synchronously and without HTTP; the test sets the clock."""

    def __init__(self, path: Path, quotas: Quotas | None = None) -> None:
        self.now = 1_700_000_000.0
        self.skew = 0.0
        """By how much somebody has set the wall clock forth."""

        def clock() -> float:
            return self.now + self.skew

        self.store = Store.open(path, clock, lambda: {"boot": "boot-1", "at": self.now})
        self.service = AppMesh(self.store, DEFAULT_ACCOUNT, clock, random_id, quotas)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return asyncio.run(self.call_async(operation, **request))

    async def call_async(self, operation: str, **request: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await getattr(self.service, operation)(CALLER, request)
        return answer

    def close(self) -> None:
        self.store.close()
