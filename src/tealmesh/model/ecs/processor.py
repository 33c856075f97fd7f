"""How the containers of a task share its processor time when all of them want it. Pure.

ECS weighs them by their ``cpu``; one that names none, or less than 2, counts as 2.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import ContainerDefinition

LEAST = 2


def weight(container: ContainerDefinition) -> int:
    """Of one container, compared with the others of its task."""
    return max(LEAST, container.get("cpu") or 0)


def share(name: str, containers: Sequence[ContainerDefinition]) -> float | None:
    """Of the container called ``name``, from 0 to 1; None if there is none."""
    own = next((weight(one) for one in containers if one["name"] == name), None)
    return None if own is None else own / sum(map(weight, containers))
