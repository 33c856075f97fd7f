"""Parts are counted as long as a deployment that watches them runs, and by nobody else's will."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tealmesh.model.config.strategies import Gates
from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import State
from tealmesh.model.traffic.parts import Part
from tealmesh.rollout.adopted import MeshService
from tealmesh.rollout.beginning import refuse_problem
from tealmesh.rollout.controller import Controller
from tealmesh.store import Store, tables
from tests.rollout.test_controller import bench, run

WATCH = (Part(method="POST"), Part(header="x-tenant", value="acme"))


def watched(store: Store) -> list[Any]:
    return [dict(document.body) for document in store.view.list(tables.WATCHED)]


def test_parts_are_counted_from_the_first_transition_to_the_last(tmp_path: Path) -> None:
    """No Envoy counts them here, which is said, and is no success."""
    b = bench(tmp_path, Gates(min_requests=0, watch=WATCH))
    during: list[list[Any]] = []

    async def look(store: Store, controller: Controller) -> None:
        during.append(watched(store))
        await asyncio.sleep(0)

    ended = run(b, meanwhile=look)
    assert ended.state is State.ROLLED_BACK
    assert "no caller's Envoy has counted the parts" in ended.reason
    post = {"method": "POST", "prefix": "", "header": "", "value": ""}
    tenant = {"method": "", "prefix": "", "header": "x-tenant", "value": "acme"}
    assert during == [[{"service": "web", "router": "web", "parts": [post, tenant]}]]
    store = Store.open(tmp_path / "state.db")
    assert watched(store) == []
    store.close()


def test_connections_have_no_parts() -> None:
    gates = Gates(watch=WATCH)
    service = MeshService("db", "m", "db.local", "r", "r", 5432, "tcp", (), gates=gates)
    with pytest.raises(AwsError, match=r"gates\.watch = POST, x-tenant: acme: must be left out"):
        refuse_problem(service)
    refuse_problem(replace(service, gates=Gates()))
    refuse_problem(replace(service, protocol="grpc"))
