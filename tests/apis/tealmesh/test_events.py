"""Events are sentences in the words of the API that made the change."""

from __future__ import annotations

import pytest

from tealmesh.apis.tealmesh.events import event
from tealmesh.store import AuditEntry, View, key, tables
from tests.apis.tealmesh.plane import Plane

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
    assert event(entry, View(7, {}))["message"] == message


def test_bookkeeping_is_no_news() -> None:
    changes = [
        [tables.FAMILIES, "web", "put"],
        [tables.TASK_DEFINITIONS, "web/000001", "put"],
    ]
    entry = AuditEntry(7, 1.0, "me", "ecs:RegisterTaskDefinition", changes)
    assert event(entry, View(7, {}))["message"] == "registered task definition web:1"
    assert (
        "ecs.family web"
        in event(AuditEntry(7, 1.0, "me", "x", changes[:1]), View(7, {}))["message"]
    )


def test_every_collection_has_words() -> None:
    collections = [v for v in vars(tables).values() if isinstance(v, tables.Collection)]
    assert len(collections) > 20
    for collection in collections:
        for parts in (("a",), ("a", "1"), ("a", "b", "c"), ("a", "b", "c", "d")):
            entry = AuditEntry(7, 1.0, "me", "CreateX", [[collection, key(*parts), "delete"]])
            try:
                message = event(entry, View(7, {}))["message"]
            except (TypeError, ValueError):
                continue  # Not the number of parts that its keys have.
            assert message
            break
        else:
            raise AssertionError(collection)


def test_a_deployment_tells_its_story(plane: Plane) -> None:
    plane.apply()
    plane.deploy(service="web", image="example/web:2")
    told = [one["sentence"] for one in plane.list_events(limit=100)["events"][::-1]]
    assert any(s.startswith("tester applied teal.toml: services ") for s in told), told
    assert "tester started web example/web:1 → 2" in told
    assert not any("teal.journal" in s or "wrote deployment" in s for s in told)


def test_what_the_engine_did_is_about_a_task() -> None:
    changes = [[tables.TASKS, "c/0123456789ab", "put"]]
    entry = AuditEntry(7, 1.0, "engine", "TaskDeregister", changes)
    assert event(entry, View(7, {}))["sentence"] == "task 01234567 in cluster c: deregister"
    entry = AuditEntry(7, 1.0, "root", "ecs:StopTask", changes)
    assert event(entry, View(7, {}))["sentence"] == "root asked to stop task 01234567 in cluster c"


def test_the_code_of_a_page_is_not_told() -> None:
    entry = AuditEntry(7, 1.0, "root", "GetPageCode", [[tables.CODES, "aff3efc39916d47f", "put"]])
    assert event(entry, View(7, {}))["sentence"] == "root asked for a code that opens the page"


def test_what_callers_see_of_a_task_is_told_in_a_sentence() -> None:
    identity = key("c", "web", "243cb68456789", "it fails the health check of edge")
    service = [tables.ECS_SERVICES, key("c", "web"), "put"]

    def told(how: str) -> str:
        changes = [[tables.UNUSABLE, identity, how], service]
        return event(AuditEntry(7, 1.0, "health", "x", changes), View(7, {}))["sentence"]

    named = "task 243cb684 of web can be used by"
    assert told("put") == f"{named} none of its callers: it fails the health check of edge"
    assert told("delete") == f"{named} its callers again"
