"""The settings of a teal.toml that no AWS resource shows, compared with those stored. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from tealmesh.model.config.nouns import Image, TealConfig
from tealmesh.model.status import Change
from tealmesh.rollout import documents, system
from tealmesh.rollout.drivers.differences import differences
from tealmesh.store import Reader, tables

if TYPE_CHECKING:
    from tealmesh.model.images import ImageBody

_IN_RESOURCES = frozenset(
    {
        "name", "port", "image", "hostname", "health_path", "desired_count", "cpu", "memory",
        "environment", "backends", "sides",
    }
)  # fmt: skip
"""Settings of a service that its resources show: a change of theirs is a change of a resource."""


def settings_changes(before: Reader, config: TealConfig, base_directory: str) -> Iterator[Change]:
    """What applying ``config`` changes in the image map and in how services are deployed."""
    for image in config.images:
        yield from _image(before, image, base_directory)
    for service in system.services(config):
        document = before.get(tables.SYSTEMS, service.name)
        if document is None:
            continue
        old = asdict(system.ServiceSystem.from_json(document.body).config)
        new = asdict(service.config)
        for settings in (old, new):
            for member in _IN_RESOURCES:
                settings.pop(member, None)
        if details := differences(old, new):
            yield Change("change", f"service {service.name}", tuple(details))


def _image(before: Reader, image: Image, base_directory: str) -> Iterator[Change]:
    document = before.get(tables.IMAGES, image.pattern)
    body = documents.image_body(image, base_directory)
    if document is None:
        yield Change("create", f"image {image.pattern}", (" ".join(image.command),))
    elif details := differences(_shown(document.body), _shown(body)):
        yield Change("change", f"image {image.pattern}", tuple(details))


def _shown(body: ImageBody) -> dict[str, object]:
    return {
        "command": body["command"],
        "directory": body["cwd"],
        "environment": body["environment"],
    }
