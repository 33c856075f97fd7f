"""What changed between the task definitions of a deployment's two sides. Pure.

Told is what somebody changed: a name that only says on which side it is counts as the same, and
so does what ECS adds to each revision. Values that are secret by their name are not told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from tealmesh.model.ecs.names import family_and_revision, revision_key
from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import Deployment
from tealmesh.model.rollout.explanation import DefinitionChange, Difference
from tealmesh.rollout import documents
from tealmesh.rollout.drivers import copies
from tealmesh.rollout.drivers.differences import pairs
from tealmesh.store import Reader, tables

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import TaskDefinitionBody
    from tealmesh.rollout.system import Service

HIDDEN = '"(hidden)"'
ANOTHER = '"(hidden, another value)"'

_IDENTITY = frozenset(
    {
        "taskDefinitionArn",
        "revision",
        "family",
        "status",
        "registeredAt",
        "registeredBy",
        "deregisteredAt",
        "deleteRequestedAt",
        "requiresAttributes",
        "compatibilities",
        "tags",
    }
)
"""Members that tell a revision from others, or that ECS derives from the rest."""
_SECRET_WORD = re.compile(
    "auth|cookie|credentials?|dsn|jwt|keys?|pass|passphrase|passw(or)?ds?|pin|private|pwd|salt|sas|"
    "secrets?|signature|tokens?"
)
_VARIABLE = re.compile(r"\.(?:environment|dockerLabels|options)(?:\[([^\]]*)\]|\.(.*))")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_RUN_TOGETHER = re.compile(r"password|passwd|secret|token|apikey|accesskey|privatekey")
_USER = re.compile(r"(?<=://)([^/@\s\"]*):[^/@\s\"]+(?=@)")


def of(view: Reader, d: Deployment) -> DefinitionChange:
    """How the task definitions of a deployment's sides differ, as far as ECS knows them."""
    try:
        service = documents.deployed_service(view, d.service)
    except AwsError:
        service = None  # It was removed; what it was deployed with is known all the same.
    old_arn, old = _of_side(view, d, service, d.old_side, d.old_image)
    new_arn, new = _of_side(view, d, service, d.new_side, d.new_image)
    if old is None or new is None:
        return DefinitionChange(old_arn, new_arn)
    rename = (
        copies.renaming(service, d.new_side)
        if service is not None
        else copies.to_side(d.old_side, d.new_side)
    )
    found = differences(copies.renamed_in(_told(old), rename), _told(new))
    return DefinitionChange(old_arn, new_arn, tuple(found), complete=True)


def differences(before: object, after: object) -> list[Difference]:
    """The values that differ between two JSON values, without those that are secret."""
    return [_difference(*one) for one in pairs(before, after)]


def secret(path: str) -> bool:
    """Whether the value at a path is a secret by its name."""
    found = _VARIABLE.search(path)
    if found is None:
        return False
    name = found[1] or found[2] or ""
    words = (word.lower() for word in _WORD.findall(name))
    return any(map(_SECRET_WORD.fullmatch, words)) or bool(_RUN_TOGETHER.search(name.lower()))


def _difference(path: str, before: str | None, after: str | None) -> Difference:
    if not secret(path):
        return Difference(path, _without_password(before), _without_password(after))
    old = HIDDEN if before is not None else ""
    new = (ANOTHER if before is not None else HIDDEN) if after is not None else ""
    return Difference(path, old, new)


def _without_password(text: str | None) -> str:
    """A value in which no URL has a password."""
    return _USER.sub(r"\1:(hidden)", text or "")


def _of_side(
    view: Reader, d: Deployment, service: Service | None, side: str, image: str
) -> tuple[str, TaskDefinitionBody | None]:
    arn = d.definitions.get(side) or _present(view, service, side, image)
    if not arn:
        return "", None
    family, revision = family_and_revision(arn)
    stored = view.get(tables.TASK_DEFINITIONS, family, revision_key(revision))
    return arn, stored.body if stored else None


def _present(view: Reader, service: Service | None, side: str, image: str) -> str:
    """What the side's ECS service has now, if that runs the image: deployments of earlier versions
    did not note it. Empty otherwise.
    """
    found = service and view.get(tables.ECS_SERVICES, *service.ecs_service(side))
    if not found:
        return ""
    arn = found.body["taskDefinition"]
    family, revision = family_and_revision(arn)
    stored = view.get(tables.TASK_DEFINITIONS, family, revision_key(revision))
    if stored is None:
        return ""
    images = [one.get("image") for one in stored.body["containerDefinitions"]]
    return arn if image in images else ""


def _told(body: TaskDefinitionBody) -> Mapping[str, object]:
    members = cast("Mapping[str, object]", body)
    return {name: value for name, value in members.items() if name not in _IDENTITY}
