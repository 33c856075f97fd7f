"""Events are sentences in the words of the API that made the change."""

from __future__ import annotations

import pytest

from tealmesh.apis.tealmesh.events import event
from tealmesh.store import AuditEntry, key, tables

BALANCER = "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/front/0123"
GROUP = "arn:aws:elasticloadbalancing:r:1:targetgroup/web/4567"


@pytest.mark.parametrize(
    ("operation", "how", "collection", "parts", "message"),
    [
        ("CreateVirtualNode", "put", tables.VIRTUAL_NODES, ("m", "web"),
         "created virtual node web in mesh m"),
        ("UpdateRoute", "put", tables.ROUTES, ("m", "r", "all"),
         "changed route all of router r in mesh m"),
        ("DeleteMesh", "delete", tables.MESHES, ("m",), "deleted mesh m"),
        ("ecs:RegisterTaskDefinition", "put", tables.TASK_DEFINITIONS, ("web", "000012"),
         "registered task definition web:12"),
        ("ecs:DeleteService", "put", tables.ECS_SERVICES, ("c", "web"),
         "is deleting ECS service web in cluster c"),
        ("ecs:StopTask", "put", tables.TASKS, ("c", "0123456789ab"),
         "asked to stop task 01234567 in cluster c"),
        ("Refresh", "put", tables.LOAD_BALANCERS, (BALANCER,), "wrote load balancer front"),
        ("RegisterTargets", "put", tables.TARGETS, (GROUP, "127.0.0.1:80"),
         "registered target 127.0.0.1:80 of target group web"),
        ("Apply", "put", tables.IMAGES, ("x/web:*",), "wrote image x/web:*"),
    ],
)  # fmt: skip
def test_a_change_in_words(
    operation: str, how: str, collection: str, parts: tuple[str, ...], message: str
) -> None:
    entry = AuditEntry(7, 1.0, "me", operation, [[collection, key(*parts), how]])
    assert event(entry)["message"] == message


def test_bookkeeping_is_no_news() -> None:
    changes = [
        [tables.FAMILIES, "web", "put"],
        [tables.TASK_DEFINITIONS, "web/000001", "put"],
    ]
    entry = AuditEntry(7, 1.0, "me", "ecs:RegisterTaskDefinition", changes)
    assert event(entry)["message"] == "registered task definition web:1"
    assert "ecs.family web" in event(AuditEntry(7, 1.0, "me", "x", changes[:1]))["message"]


def test_every_collection_has_words() -> None:
    collections = [v for v in vars(tables).values() if isinstance(v, tables.Collection)]
    assert len(collections) > 20
    for collection in collections:
        for parts in (("a",), ("a", "1"), ("a", "b", "c")):
            entry = AuditEntry(7, 1.0, "me", "CreateX", [[collection, key(*parts), "delete"]])
            try:
                message = event(entry)["message"]
            except (TypeError, ValueError):
                continue  # Not the number of parts that its keys have.
            assert message
            break
        else:
            raise AssertionError(collection)
