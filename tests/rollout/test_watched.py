"""Parts are counted as long as a deployment that watches them runs, and by nobody else's will."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tealmesh.model.config.strategies import Gates
from tealmesh.model.ecs.bodies import TaskBody
from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import State
from tealmesh.model.traffic.parts import Part
from tealmesh.model.traffic.windows import SideWindow, TaskWindow
from tealmesh.rollout.adopted import MeshService
from tealmesh.rollout.beginning import refuse_problem
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.watched import ids, named_tasks
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


def test_tasks_are_counted_while_any_measured_deployment_runs(tmp_path: Path) -> None:
    b = bench(tmp_path, Gates(min_requests=0))
    during: list[list[Any]] = []

    async def look(store: Store, controller: Controller) -> None:
        during.append(watched(store))
        await asyncio.sleep(0)

    assert run(b, meanwhile=look).finished
    assert during == [[{"service": "web", "router": "web", "parts": []}]]
    store = Store.open(tmp_path / "state.db")
    assert watched(store) == []
    store.close()


def test_tasks_of_windows_have_their_ids_where_ecs_knows_the_address() -> None:
    def task(identity: str, address: str, status: str, created: float, service: str) -> TaskBody:
        return {
            "taskArn": f"arn:aws:ecs:r:1:task/c/{identity}",
            "clusterArn": "arn:aws:ecs:r:1:cluster/c",
            "taskDefinitionArn": "",
            "lastStatus": status,
            "desiredStatus": status,
            "group": f"service:{service}",
            "createdAt": created,
            "attachments": [
                {"details": [{"name": "privateIPv4Address", "value": address}]},
            ],
        }

    tasks = [
        task("running", "10.0.0.1", "RUNNING", 1.0, "web-blue"),
        task("stopped", "10.0.0.1", "STOPPED", 2.0, "web-blue"),
        task("gone", "10.0.0.2", "STOPPED", 1.0, "web-blue"),
        task("other", "10.0.0.3", "RUNNING", 1.0, "front"),
    ]
    hosts = {f"10.0.0.{n}:8080": TaskWindow(n) for n in (1, 2, 3)}
    named = named_tasks(SideWindow(by_task=hosts), ids(tasks, "web-blue")).by_task
    assert named == {
        "running": TaskWindow(1),
        "gone": TaskWindow(2),
        "10.0.0.3:8080": TaskWindow(3),
    }


def test_connections_have_no_parts() -> None:
    gates = Gates(watch=WATCH)
    service = MeshService("db", "m", "db.local", "r", "r", 5432, "tcp", (), gates=gates)
    with pytest.raises(AwsError, match=r"gates\.watch = POST, x-tenant: acme: must be left out"):
        refuse_problem(service)
    refuse_problem(replace(service, gates=Gates()))
    refuse_problem(replace(service, protocol="grpc"))
