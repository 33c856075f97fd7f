"""Parts are counted as long as a service has them, and tasks while a deployment of it runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
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
from tealmesh.rollout.watched import forget, ids, named_tasks, settled
from tealmesh.store import Store, Transaction, tables
from tests.rollout.test_controller import bench, run
from tests.rollout.world import system

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
    counted = {"service": "web", "router": "web", "parts": [post, tenant]}
    assert during == [[{**counted, "deployed": True}]]
    store = Store.open(tmp_path / "state.db")
    # The next deployment knows what was before it.
    assert watched(store) == [{**counted, "deployed": False}]
    store.close()


def test_tasks_are_counted_while_any_measured_deployment_runs(tmp_path: Path) -> None:
    b = bench(tmp_path, Gates(min_requests=0))
    during: list[list[Any]] = []

    async def look(store: Store, controller: Controller) -> None:
        during.append(watched(store))
        await asyncio.sleep(0)

    assert run(b, meanwhile=look).finished
    assert during == [[{"service": "web", "router": "web", "parts": [], "deployed": True}]]
    store = Store.open(tmp_path / "state.db")
    assert watched(store) == []
    store.close()


def test_parts_are_counted_as_soon_as_the_settings_have_them(tmp_path: Path) -> None:
    async def scenario() -> list[list[Any]]:
        store = Store.open(tmp_path / "state.db")
        seen = []
        plain = system(gates=Gates())
        for change in (
            partial(settled, service=system(gates=Gates(watch=WATCH))),
            partial(settled, service=system(gates=Gates(watch=WATCH[:1]))),
            partial(settled, service=plain),
            partial(settled, service=system(gates=Gates(watch=WATCH))),
            partial(forget, mesh=plain.mesh, service="web"),
        ):
            await store.write("tester", "Apply", change)
            seen.append([len(body["parts"]) for body in watched(store)])
        store.close()
        return seen

    assert asyncio.run(scenario()) == [[2], [1], [], [2], []]


def test_what_is_applied_during_a_deployment_waits_for_its_end(tmp_path: Path) -> None:
    b = bench(tmp_path, Gates(min_requests=0, watch=WATCH))
    during: list[Any] = []

    async def apply(store: Store, controller: Controller) -> None:
        service = system(gates=Gates(watch=WATCH[:1]))

        def change(t: Transaction) -> None:
            t.put(tables.SYSTEMS, service.name, body=service.to_json())
            settled(t, service)

        await store.write("tester", "Apply", change)
        during.extend(watched(store))

    assert run(b, meanwhile=apply).finished
    assert [(len(body["parts"]), body["deployed"]) for body in during] == [(2, True)]
    store = Store.open(tmp_path / "state.db")
    assert [(len(body["parts"]), body["deployed"]) for body in watched(store)] == [(1, False)]
    store.close()


def test_a_part_has_its_key_whatever_is_watched_beside_it() -> None:
    assert len({part.key for part in WATCH}) == len(WATCH)
    assert all(part.key.isdigit() for part in WATCH)
    assert Part(method="POST").key == WATCH[0].key


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
