"""The settings of a teal.toml that no AWS resource shows, compared with those stored. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from tealmesh.model.config.notices import NoticeConfig
from tealmesh.model.config.nouns import (
    Additions,
    AdoptedConfig,
    GroupConfig,
    Image,
    TealConfig,
)
from tealmesh.model.rollout import Group
from tealmesh.model.status import Change
from tealmesh.rollout import documents, system
from tealmesh.rollout.applying.additions import group as stored_group
from tealmesh.rollout.applying.additions import told_of
from tealmesh.rollout.drivers.differences import differences
from tealmesh.rollout.notices import outbox
from tealmesh.store import Reader, tables

if TYPE_CHECKING:
    from tealmesh.model.ecs.images import ImageBody

_IN_RESOURCES = frozenset(
    {
        "name", "port", "image", "hostname", "health_path", "desired_count", "cpu", "memory",
        "environment", "backends", "sides", "routes", "address",
    }
)  # fmt: skip
"""Settings of services and gateways that their resources show: they change with a resource."""


def settings_changes(before: Reader, config: TealConfig, base_directory: str) -> Iterator[Change]:
    """What applying ``config`` changes in the image map and in how services are deployed."""
    yield from additions_changes(before, config.additions, base_directory)
    for service in system.services(config):
        stored = before.get(tables.SYSTEMS, service.name)
        if stored is not None:
            old = system.ServiceSystem.from_json(stored.body).config
            yield from _changed(f"service {service.name}", asdict(old), asdict(service.config))
    for gateway in system.gateways(config):
        there = before.get(tables.GATEWAYS, gateway.name)
        if there is not None:
            known = system.GatewaySystem.from_json(there.body).config
            yield from _changed(f"gateway {gateway.name}", asdict(known), asdict(gateway.config))


def additions_changes(
    before: Reader, additions: Additions, base_directory: str
) -> Iterator[Change]:
    """What applying the parts of a teal.toml changes that are of use without a system."""
    for image in additions.images:
        yield from _image(before, image, base_directory)
    for notice in additions.notices.values():
        yield from _notice(before, notice, base_directory)
    for group in additions.groups.values():
        yield from _group(before, group, base_directory)
    for name, config in additions.adopted.items():
        yield from _adopted(before, name, config)


def _changed(what: str, old: dict[str, object], new: dict[str, object]) -> Iterator[Change]:
    for settings in (old, new):
        for member in _IN_RESOURCES:
            settings.pop(member, None)
    if details := differences(old, new):
        yield Change("change", what, tuple(details))


def _image(before: Reader, image: Image, base_directory: str) -> Iterator[Change]:
    document = before.get(tables.IMAGES, image.pattern)
    body = documents.image_body(image, base_directory)
    if document is None:
        yield Change("create", f"image {image.pattern}", (" ".join(image.command),))
    elif details := differences(_shown(document.body), _shown(body)):
        yield Change("change", f"image {image.pattern}", tuple(details))


def _notice(before: Reader, config: NoticeConfig, base_directory: str) -> Iterator[Change]:
    document = before.get(tables.NOTICE_TARGETS, config.name)
    body = {**outbox.target_body(config, base_directory)}
    what = f"notices {config.name}"
    if document is None:
        yield Change("create", what, (config.shape,))
    elif details := differences({**document.body}, body):
        yield Change("change", what, tuple(details))


def _group(before: Reader, config: GroupConfig, base_directory: str) -> Iterator[Change]:
    document = before.get(tables.GROUPS, config.name)
    wanted, what = stored_group(config, base_directory), f"group {config.name}"
    if document is None:
        yield Change("create", what, (", ".join(config.services),))
    elif details := differences(asdict(Group.from_json(document.body)), asdict(wanted)):
        yield Change("change", what, tuple(details))


def _adopted(before: Reader, name: str, config: AdoptedConfig) -> Iterator[Change]:
    """What is told otherwise, as by `teal adopt`, and is not in the file stays as it is."""
    document = before.get(tables.ADOPTIONS, name)
    told, what = told_of(config), f"adopted {name}"
    if document is None:
        yield Change("create", what, (", ".join(told),) if told else ())
    elif details := differences({**document.body}, {**document.body, **told}):
        yield Change("change", what, tuple(details))


def _shown(body: ImageBody) -> dict[str, object]:
    return {
        "command": body["command"],
        "directory": body["cwd"],
        "environment": body["environment"],
    }
