"""The operations of our API on what was measured, by what the store keeps."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from tealmesh.model.arn import last_part
from tealmesh.model.config.deployments import read_gates
from tealmesh.model.config.table import Table
from tealmesh.model.ecs.names import revision_key
from tealmesh.model.errors import AwsError, ConfigError
from tealmesh.model.rollout import Deployment, JournalEntry
from tealmesh.model.rollout.bundle import BundleDefinition
from tealmesh.rollout import documents, failed
from tealmesh.rollout.bundles.backtest import Replayed, replay
from tealmesh.rollout.bundles.contents import Sources, bundle
from tealmesh.rollout.bundles.page import page
from tealmesh.rollout.drivers.differences import differences
from tealmesh.store import Reader, Store, tables

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import TaskDefinitionBody

_IDENTITY = frozenset({"taskDefinitionArn", "revision", "family", "registeredAt", "registeredBy"})
"""Members of task definitions that always differ."""


class BundleOperations:
    """The part of `rollout.operations.Operations` that answers evidence. Raises AwsError."""

    _store: Store

    def evidence(self, d: Deployment) -> tuple[str, str]:
        """The bundle of a deployment as JSON, and as a page of HTML."""
        view = self._store.view
        journal = [JournalEntry.from_json(e.body) for e in view.list(tables.JOURNAL, d.id)]
        windows = documents.windows(view, d.id)
        made = bundle(Sources(d, journal, windows, failed.of(view, d), _definition(view, d)))
        return json.dumps(made), page(made)

    def backtest(self, deployments: Sequence[Deployment], settings: str) -> list[Replayed]:
        """The finished deployments that have windows, judged by other gates: their own, with these
        settings in TOML instead. BadRequestException for a wrong one.
        """
        try:
            changed = tomllib.loads(settings)
            wanted = read_gates(Table("gates", "", {"gates": changed}))
        except tomllib.TOMLDecodeError as error:
            raise AwsError("BadRequestException", f"gates: must be TOML: {error}") from error
        except ConfigError as error:
            raise AwsError("BadRequestException", str(error)) from error
        instead = {key: getattr(wanted, key) for key in changed}
        return [
            replay(d, windows, replace(d.gates, **instead), instead)
            for d in deployments
            if d.finished and (windows := documents.windows(self._store.view, d.id))
        ]


def _definition(view: Reader, d: Deployment) -> BundleDefinition:
    """How the task definitions of both sides differ, as far as they are still known."""
    service = documents.deployed_service(view, d.service)
    old_arn, old = _of_side(view, service.ecs_service(d.old_side), d.old_image)
    new_arn, new = _of_side(view, service.ecs_service(d.new_side), d.new_image)
    told = differences(_told(old), _told(new)) if old and new else []
    return {"old": old_arn, "new": new_arn, "differences": told}


def _of_side(
    view: Reader, place: tuple[str, str], image: str
) -> tuple[str, TaskDefinitionBody | None]:
    """The task definition of an ECS service, if it still is the one with this image."""
    service = view.get(tables.ECS_SERVICES, *place)
    if service is None:
        return "", None
    family, _, revision = last_part(service.body["taskDefinition"]).partition(":")
    stored = view.get(tables.TASK_DEFINITIONS, family, revision_key(revision))
    if stored is None or image not in (
        container.get("image") for container in stored.body["containerDefinitions"]
    ):
        return "", None
    return service.body["taskDefinition"], stored.body


def _told(body: TaskDefinitionBody) -> Mapping[str, object]:
    members = cast("Mapping[str, object]", body)
    return {name: value for name, value in members.items() if name not in _IDENTITY}
