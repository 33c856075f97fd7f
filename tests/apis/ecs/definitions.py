"""Requests of RegisterTaskDefinition, all from one that Fargate takes."""

from __future__ import annotations

import copy
from typing import Any

from tests.support.planes.ecs import FARGATE


def definition(**changed: Any) -> dict[str, Any]:
    return {**copy.deepcopy(FARGATE), **changed}


def container(**changed: Any) -> dict[str, Any]:
    return {"name": "app", "image": "example/web:1", **changed}


def with_containers(*containers: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return definition(containerDefinitions=list(containers), **changed)
