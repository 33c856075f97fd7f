"""A database of format 1, given as literal SQL, still opens and can be written to."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tealmesh.model.rollout import Deployment, State
from tealmesh.store import Store, Transaction, tables
from tealmesh.store.database.formats import FORMAT
from tealmesh.store.snapshot import mesh_snapshot

CLOUD_MAP = {"awsCloudMap": {"namespaceName": "n", "serviceName": "web"}}

SCHEMA = """
CREATE TABLE documents (
    collection VARCHAR(64) NOT NULL,
    "key" VARCHAR(1024) NOT NULL,
    revision BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (collection, "key")
);
CREATE TABLE audit (
    revision BIGINT NOT NULL,
    at FLOAT NOT NULL,
    actor VARCHAR(256) NOT NULL,
    operation VARCHAR(128) NOT NULL,
    changes TEXT NOT NULL,
    PRIMARY KEY (revision)
);
CREATE INDEX audit_at ON audit (at);
"""

DOCUMENTS = """
INSERT INTO documents VALUES ('appmesh.mesh', 'm', 1, '{"meshName": "m", "name": "m",
    "parent": "", "arn": "arn:aws:appmesh:us-east-1:123456789012:mesh/m", "uid": "u1",
    "version": 1, "createdAt": 1700000000.0, "lastUpdatedAt": 1700000000.0,
    "meshOwner": "123456789012", "resourceOwner": "123456789012", "spec": {}, "tags": {}}');
INSERT INTO documents VALUES ('appmesh.virtualNode', 'm/web%2F1', 2, '{"meshName": "m",
    "name": "web/1", "parent": "",
    "arn": "arn:aws:appmesh:us-east-1:123456789012:mesh/m/virtualNode/web",
    "uid": "u2", "version": 3, "createdAt": 1700000000.0, "lastUpdatedAt": 1700000000.0,
    "meshOwner": "123456789012", "resourceOwner": "123456789012",
    "spec": {"serviceDiscovery": {"awsCloudMap": {"namespaceName": "n", "serviceName": "web"}}},
    "tags": {}}');
INSERT INTO documents VALUES ('servicediscovery.namespace', 'ns-1', 3,
    '{"id": "ns-1", "name": "n", "vpc": "", "wire": {"Id": "ns-1", "Type": "HTTP"}, "tags": [],
    "request": "d"}');
INSERT INTO documents VALUES ('servicediscovery.service', 'srv-1', 3, '{"id": "srv-1",
    "name": "web", "namespaceId": "ns-1", "wire": {"Id": "srv-1"}, "attributes": {}, "tags": [],
    "request": "d"}');
INSERT INTO documents VALUES ('servicediscovery.instance', 'srv-1/i-1', 4, '{"id": "i-1",
    "serviceId": "srv-1", "attributes": {"AWS_INSTANCE_IPV4": "127.0.0.2"}, "health": "HEALTHY",
    "draining": false}');
INSERT INTO documents VALUES ('teal.image', 'example%2Fweb%3A%2A', 4,
    '{"pattern": "example/web:*", "command": ["serve"], "cwd": "/srv", "environment": {}}');
INSERT INTO documents VALUES ('teal.deployment', 'web/d-1', 5, '{"id": "d-1", "service": "web",
    "mesh": "m", "old_side": "blue", "new_side": "green", "old_image": "example/web:1",
    "new_image": "example/web:2", "desired_count": 1, "strategy": {"type": "canary",
    "steps": [10, 100], "step_time": 10.0, "bake_time": 10.0, "step_timeout": 300.0},
    "gates": {"success_rate": 0.99, "min_requests": 100, "approval": false},
    "created_at": 1700000000.0, "updated_at": 1700000030.0, "entered_at": 1700000030.0,
    "actor": "ann", "client_token": "t", "state": "MEASURING", "step": 1, "sequence": 9,
    "weights": {"blue": 90, "green": 10}, "acknowledged": {"blue": 90, "green": 10},
    "healthy": {"blue": 1, "green": 1}, "revision": 5, "set_at": 1700000030.0,
    "since": 1700000030.0, "approved": false, "reason": "", "waiting_for": "",
    "evidence": [{"step": 0, "weights": {"blue": 90, "green": 10}, "expected_share": 0.1,
    "started_at": 1700000010.0, "requests": 120, "failures": 0, "total_requests": 1200,
    "total_failures": 0, "share": 0.1, "p50": 1.5, "p99": 4.0, "propagation": 0.02,
    "finished_at": 1700000030.0, "verdicts": [{"gate": "success_rate", "verdict": "PASS",
    "detail": "1.0"}]}], "finished_at": null}');
INSERT INTO audit VALUES (5, 1700000000.0, 'ann', 'StartDeployment',
    '[["teal.deployment", "web/d-1", "put"]]');
"""


@pytest.fixture(params=[0, 1], ids=["without a number", "numbered"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    database = tmp_path / "state.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(SCHEMA + DOCUMENTS)
        connection.execute(f"PRAGMA user_version = {request.param}")
    return database


def test_a_database_of_format_1_opens_and_takes_writes(path: Path) -> None:
    async def run() -> None:
        store = Store.open(path)
        assert store.revision == 5
        await store.write("ann", "Put", _bump_version)
        assert [entry.revision for entry in await store.history()] == [6, 5]
        store.close()

    asyncio.run(run())
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (FORMAT,)
    reopened = Store.open(path)
    node = reopened.view.get(tables.VIRTUAL_NODES, "m", "web/1")
    assert node is not None
    assert (node.body["version"], node.body["spec"]["serviceDiscovery"]) == (4, CLOUD_MAP)
    reopened.close()


def _bump_version(tx: Transaction) -> None:
    node = tx.get(tables.VIRTUAL_NODES, "m", "web/1")
    assert node is not None
    tx.replace(node, {**node.body, "version": node.body["version"] + 1})


def test_its_documents_are_understood(path: Path) -> None:
    store = Store.open(path)
    snapshot = mesh_snapshot(store.view, "m")
    assert snapshot is not None
    assert snapshot.virtual_nodes["web/1"].version == 3
    (instance,) = snapshot.cloud_map["n", "web"]
    assert (instance.id, instance.healthy, instance.draining) == ("i-1", True, False)
    image = store.view.get(tables.IMAGES, "example/web:*")
    assert image is not None
    assert image.body["command"] == ["serve"]
    stored = store.view.get(tables.DEPLOYMENTS, "web", "d-1")
    assert stored is not None
    deployment = Deployment.from_json(stored.body)
    assert (deployment.state, deployment.step) == (State.MEASURING, 1)
    # A version that is newer, and runs beside this one, may add members.
    new = {"member_of_tomorrow": [1]}
    evidence = [{**step, **new} for step in stored.body["evidence"]]
    newer: Any = {
        **stored.body,
        **new,
        "strategy": {**stored.body["strategy"], **new},
        "gates": {**stored.body["gates"], **new},
        "evidence": evidence,
    }
    assert Deployment.from_json(newer) == deployment
    again = json.loads(json.dumps(deployment.to_json()))
    # ``approved`` has become ``approved_step``.
    assert {*again, "approved"} >= stored.body.keys()
    assert Deployment.from_json(again) == deployment
    store.close()
