"""The operations of our API on what was measured, by what the store keeps."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import replace

from tealmesh.model.config.deployments import read_gates
from tealmesh.model.config.table import Table
from tealmesh.model.errors import AwsError, ConfigError
from tealmesh.model.rollout import Deployment, JournalEntry
from tealmesh.model.rollout.bundle import BundleDefinition
from tealmesh.model.rollout.explanation import DefinitionChange
from tealmesh.rollout import documents, failed
from tealmesh.rollout.bundles import definitions
from tealmesh.rollout.bundles.backtest import Replayed, replay
from tealmesh.rollout.bundles.contents import Sources, bundle
from tealmesh.rollout.bundles.page import page
from tealmesh.store import Store, tables


class BundleOperations:
    """The part of `rollout.operations.Operations` that answers evidence. Raises AwsError."""

    _store: Store

    def evidence(self, d: Deployment) -> tuple[str, str]:
        """The bundle of a deployment as JSON, and as a page of HTML."""
        view = self._store.view
        journal = [JournalEntry.from_json(e.body) for e in view.list(tables.JOURNAL, d.id)]
        windows = documents.windows(view, d.id)
        found = definitions.of(view, d)
        told: BundleDefinition = {
            "old": found.old,
            "new": found.new,
            "differences": [str(one) for one in found.differences],
        }
        made = bundle(Sources(d, journal, windows, failed.of(view, d), told))
        return json.dumps(made), page(made)

    def definition(self, d: Deployment) -> DefinitionChange:
        """How the task definitions of a deployment's sides differ, as far as ECS knows them."""
        return definitions.of(self._store.view, d)

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
