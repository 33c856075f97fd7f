"""What of a teal.toml can be applied while deployments run: all but their services. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tealmesh.model.config.nouns import TealConfig
from tealmesh.model.rollout import Deployment
from tealmesh.rollout import system
from tealmesh.rollout.system import ServiceSystem


@dataclass(frozen=True)
class Unlocked:
    """The part of a teal.toml that can be applied now."""

    config: TealConfig
    """Without the services whose deployments run."""
    refused: tuple[str, ...]
    """Of those, the ones that teal.toml changes: one line each, with what to do."""
    notes: tuple[str, ...]
    """Those that it does not change: nothing is lost by leaving them as they are."""


def unlocked(
    config: TealConfig, applied: Iterable[ServiceSystem], running: Mapping[str, Deployment]
) -> Unlocked:
    """``applied``: the services as they were applied. ``running``: unfinished deployments, by
    service.
    """
    before = {(one.mesh, one.name): one for one in applied}
    refused, notes = [], []
    for wanted in system.services(config):
        deployment = running.get(wanted.name)
        if deployment is None:
            continue
        what = f"its deployment of {deployment.new_image} is running"
        there = before.get((wanted.mesh, wanted.name))
        if there == wanted:
            notes.append(f"{wanted.name}: left as it is while {what}")
        else:
            refused.append(
                f"{wanted.name}: not applied, as {what}: apply again when it has finished, or "
                f"abort it (`teal rollback {wanted.name}`){_freezes(there, wanted)}"
            )
    rest = {name: service for name, service in config.services.items() if name not in running}
    return Unlocked(replace(config, services=rest), tuple(refused), tuple(notes))


def _freezes(there: ServiceSystem | None, wanted: ServiceSystem) -> str:
    """That freezes are no setting of a single deployment, if they change."""
    if there is None or there.gates.freeze == wanted.gates.freeze:
        return ""
    return "; its freezes hold from now on, for that deployment too"
