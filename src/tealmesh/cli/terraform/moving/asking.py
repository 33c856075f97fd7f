"""Reads what a mapping is made of: the state, the mesh, and which Terraform there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tealmesh.cli.options import read_text
from tealmesh.cli.system import bringing
from tealmesh.cli.terraform.moving import blocks, state
from tealmesh.cli.terraform.moving.facts import gathered
from tealmesh.cli.terraform.moving.mapping import Mapping, mapped
from tealmesh.cli.terraform.running import Terraform, found_version
from tealmesh.migration.writers.terraform import label_of
from tealmesh.model.errors import TealError

if TYPE_CHECKING:
    from tealmesh.cli.client import Client

MODULES = {"bluegreen-service": True, "bluegreen-service-rollouts": False}
"""The modules of a service, and whether Terraform owns the weights with it."""


def asked(
    client: Client, service: str, directory: Path, file: Path | None, module: str, source: str
) -> Mapping:
    """How a module takes over a service that a state has. ``file``: a state, in place of that of
    ``directory``. Raises TealError.
    """
    owned = _owned(source)
    instances = _instances(directory, file)
    described = client.get_service(service)
    mesh = bringing.of_control_plane(client, described["mesh"])
    facts = gathered(described, mesh, instances)
    label = module or label_of(facts.router.name.name)
    return mapped(facts, label, source, owned=owned)


def version() -> blocks.Version:
    """That of the Terraform on PATH; the newest that is known here without one."""
    return found_version() or blocks.REMOVED


def _instances(directory: Path, file: Path | None) -> list[state.Instance]:
    if file is None:
        origin, text = str(directory), Terraform(directory, "--directory").shown()
    else:
        origin, text = str(file), read_text(file, "--state")
    try:
        found = state.read(json.loads(text), origin)
    except (ValueError, RecursionError) as error:
        raise TealError(f"{origin}: no JSON ({error})") from error
    if not found:
        raise TealError(f"{origin}: the state has no resources")
    return found


def _owned(source: str) -> bool:
    """A source may name a reference behind ``?``, and a directory in a package behind ``//``."""
    name = source.partition("?")[0].rstrip("/").rpartition("/")[2]
    if name not in MODULES:
        raise TealError(f"--source {source!r}: must end with {' or '.join(MODULES)}")
    return MODULES[name]
