"""Stores the parts of a teal.toml that are of use without the others: what is told of services that
others made, the groups of services, and who is told of deployments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from tealmesh.model.config.nouns import Additions, AdoptedConfig, GroupConfig
from tealmesh.model.rollout import Group
from tealmesh.rollout.notices import outbox
from tealmesh.store import Transaction, tables

if TYPE_CHECKING:
    from tealmesh.model.teal import AdoptionBody, GatesBody, StrategyBody


def put_additions(t: Transaction, additions: Additions, directory: str) -> None:
    """Store the additions of the teal.toml in ``directory``."""
    put_adopted(t, additions.adopted)
    put_groups(t, additions.groups, directory)
    outbox.put_targets(t, additions.notices, directory)


def put_groups(t: Transaction, groups: Mapping[str, GroupConfig], directory: str) -> None:
    """Store the groups of the teal.toml in ``directory``; those that it had before are no more. A
    group deployment that runs goes on as it began.
    """
    for document in t.list(tables.GROUPS):
        before = document.body
        if before["directory"] == directory and before["name"] not in groups:
            t.delete(tables.GROUPS, before["name"])
    for name, config in groups.items():
        t.put(tables.GROUPS, name, body=group(config, directory).to_json())


def group(config: GroupConfig, directory: str) -> Group:
    """A group as the store keeps it."""
    return Group(config.name, config.services, config.depends_on, directory)


def put_adopted(t: Transaction, adopted: Mapping[str, AdoptedConfig]) -> None:
    """Store what a teal.toml tells of services that others made. What was told otherwise and is not
    in the file stays.
    """
    for name, config in adopted.items():
        put_told(t, name, told_of(config))


def told_of(config: AdoptedConfig) -> AdoptionBody:
    """What a teal.toml tells of a service that others made, as the store keeps it."""
    told: AdoptionBody = {}
    if config.container:
        told["container"] = config.container
    if config.route:
        told["routes"] = list(config.route)
    if config.clean_up:
        told["cleanUp"] = config.clean_up
    if config.strategy:
        told["strategy"] = cast("StrategyBody", asdict(config.strategy))
    if config.gates:
        told["gates"] = cast("GatesBody", asdict(config.gates))
    return told


def put_told(t: Transaction, name: str, told: AdoptionBody) -> None:
    """Add to what is stored of a service that others made."""
    document = t.get(tables.ADOPTIONS, name)
    before: AdoptionBody = document.body if document else {}
    sides = {**before.get("sides", {})}
    for side, one in told.get("sides", {}).items():
        sides[side] = {**sides.get(side, {}), **one}
    body: AdoptionBody = {**before, **told}
    if sides:
        body["sides"] = sides
    t.put(tables.ADOPTIONS, name, body=body)
