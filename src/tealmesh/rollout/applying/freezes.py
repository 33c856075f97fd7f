"""The freezes of each service as teal.toml was applied last, in the store. They hold for a
deployment that runs too, whose other settings are those with which it began.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from tealmesh.model.config.nouns import Additions, TealConfig
from tealmesh.model.config.outside import Freeze
from tealmesh.model.rollout import Deployment
from tealmesh.model.rollout.hooks import stored_freezes
from tealmesh.store import Reader, Transaction, tables

if TYPE_CHECKING:
    from tealmesh.model.rollout.hooks import FreezeBody, FreezesBody


def put(t: Transaction, config: TealConfig | Additions) -> None:
    """Store the freezes of all services of a teal.toml, among them those of others whose gates it
    has.
    """
    services = config.services if isinstance(config, TealConfig) else {}
    additions = config.additions if isinstance(config, TealConfig) else config
    every = {name: service.gates for name, service in services.items()}
    for name, told in additions.adopted.items():
        if told.gates is not None:
            every[name] = told.gates
    for name, gates in every.items():
        bodies = [
            cast("FreezeBody", {**asdict(freeze), "days": [*freeze.days]})
            for freeze in gates.freeze
        ]
        body: FreezesBody = {"freeze": bodies}
        before = t.get(tables.FREEZES, name)
        if bodies != ([*before.body["freeze"]] if before else []):
            t.put(tables.FREEZES, name, body=body)


def of(view: Reader, d: Deployment) -> tuple[Freeze, ...]:
    """Those that hold for a deployment now."""
    document = view.get(tables.FREEZES, d.service)
    return d.gates.freeze if document is None else stored_freezes(document.body["freeze"])
