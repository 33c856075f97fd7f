"""What `teal doctor` is told of automatic scaling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tealmesh.app.seams import unscaled_sides
from tealmesh.store import Document, View, tables
from tests.rollout.world import system

SERVICES = ("web-blue", "web-green", "front-blue")


def ecs_service(name: str) -> dict[str, Any]:
    cluster = "arn:aws:ecs:us-east-1:1:cluster/demo"
    return {
        "serviceName": name,
        "serviceArn": f"arn:aws:ecs:us-east-1:1:service/demo/{name}",
        "clusterArn": cluster,
        "status": "ACTIVE",
        "taskDefinition": "arn:aws:ecs:us-east-1:1:task-definition/web:1",
        "serviceRegistries": [],
    }


def view(*scaled: str) -> View:
    service = system()
    stored: dict[Any, dict[str, Any]] = {
        tables.SYSTEMS: {service.name: service.to_json()},
        tables.ECS_SERVICES: {f"demo/{name}": ecs_service(name) for name in SERVICES},
        tables.SCALABLE_TARGETS: {f"demo/{name}": {} for name in scaled},
    }
    return View(
        1,
        {
            collection: {key: Document(collection, key, 1, body) for key, body in bodies.items()}
            for collection, bodies in stored.items()
        },
    )


def test_a_side_that_nothing_scales_is_named(tmp_path: Path) -> None:
    (told,) = unscaled_sides(view("web-blue"))
    assert told["resource"] == "service/demo/web-green"
    assert "nothing scales web-green, and web-blue is scaled" in told["reason"]
    assert list(unscaled_sides(view("web-blue", "web-green"))) == []
    assert list(unscaled_sides(view())) == []
