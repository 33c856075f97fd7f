"""Which Envoys may be which nodes and gateways, by what their certificates name and by their roles.

`envoys.json` in the data directory is the owner's; `teal envoy allow` writes it. Without an entry,
a certificate is good for the node that its URI names: ``spiffe://DOMAIN/mesh/M/virtualNode/N``.
https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md

With ``roles`` in it, their policies are not asked: what a role may be is what the file says, and a
role without a line may be nothing::

    {"certificates": {"spiffe://example.org/web": ["mesh/shop/virtualNode/web"]},
     "roles": {"arn:aws:iam::123456789012:role/web": ["mesh/shop/virtualNode/web-*"],
               "arn:aws:iam::123456789012:role/edge": {
                   "id": "AROAEXAMPLE", "resources": ["mesh/shop/virtualGateway/edge"]}}}
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from tealmesh.model.errors import TealError
from tealmesh.model.identity.watched import Watched
from tealmesh.model.private import write_private

FILE = "envoys.json"
RESOURCES = "mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME"
_KINDS = ("virtualNode", "virtualGateway")
_ROLE = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/[\w+=,.@/-]{1,576}")
_ID = re.compile(r"AROA[A-Z0-9]{4,124}")


@dataclass(frozen=True)
class RoleLine:
    """What one role may be."""

    resources: tuple[str, ...]
    """Each ``mesh/M/virtualNode/N``; in M and N ``*`` means anything."""
    unique_id: str = ""
    """Of the role that is meant; a role that was deleted and created again has another. Empty for
    whichever has the name.
    """


@dataclass(frozen=True)
class Bindings:
    """What the file says."""

    certificates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """URI of a certificate -> the nodes and gateways, each ``mesh/M/virtualNode/N``."""
    roles: Mapping[str, RoleLine] | None = None
    """By the role's ARN; None if the policies of roles decide."""


def resources_of(uri: str, bindings: Bindings) -> Sequence[str]:
    """What an Envoy with this URI in its certificate may be; nothing for an unknown one."""
    if uri in bindings.certificates:
        return bindings.certificates[uri]
    try:
        path = urlsplit(uri).path.removeprefix("/") if uri.startswith("spiffe://") else ""
    except ValueError:
        return ()
    return (path,) if is_resource(path) else ()


def is_resource(text: str) -> bool:
    """Whether it has the form ``mesh/M/virtualNode/N`` or ``mesh/M/virtualGateway/N``."""
    parts = text.split("/")
    return len(parts) == 4 and parts[0] == "mesh" and parts[2] in _KINDS and all(parts)


def is_role(text: str) -> bool:
    """Whether it is the ARN of an IAM role."""
    return _ROLE.fullmatch(text) is not None


def is_unique_id(text: str) -> bool:
    """Whether it has the form of a role's unique id."""
    return _ID.fullmatch(text) is not None


def covers(allowed: str, resource: str) -> bool:
    """Whether a line's ``mesh/M/virtualNode/N``, with wildcards, means this one."""
    parts, asked = allowed.split("/"), resource.split("/")
    # A wildcard never means a slash; "[" is no wildcard, and in no name.
    return len(parts) == len(asked) and all(
        fnmatchcase(one, part.replace("[", "[[]")) for part, one in zip(parts, asked, strict=True)
    )


def load_bindings(data_dir: Path) -> Bindings:
    """Those of a data directory; empty without a file. Raises TealError, which names the member
    that cannot be used.
    """
    path = data_dir / FILE
    try:
        return _read(str(path), json.loads(path.read_text()))
    except FileNotFoundError:
        return Bindings()
    except OSError as error:
        raise TealError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise TealError(f"{path} is not JSON: {error}") from error


def _read(file: str, document: object) -> Bindings:
    members = _table(file, "the file", document)
    for name in members:
        if name not in ("certificates", "roles"):
            raise TealError(f"{file}: {name!r}: must be certificates or roles")
    given = _table(file, "certificates", members.get("certificates", {}))
    certificates = {
        uri: _resources(file, f"certificates[{uri!r}]", resources)
        for uri, resources in given.items()
    }
    if "roles" not in members:
        return Bindings(certificates)
    lines = _table(file, "roles", members["roles"])
    return Bindings(certificates, {role: _line(file, role, line) for role, line in lines.items()})


def _line(file: str, role: str, line: object) -> RoleLine:
    where = f"roles[{role!r}]"
    if not is_role(role):
        raise TealError(
            f"{file}: {where}: must be the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME"
        )
    if isinstance(line, list):
        return RoleLine(_resources(file, where, line))
    members = _table(file, where, line)
    for name in members:
        if name not in ("id", "resources"):
            raise TealError(f"{file}: {where}.{name}: must be id or resources")
    unique_id = members.get("id", "")
    if not isinstance(unique_id, str) or (unique_id and not is_unique_id(unique_id)):
        raise TealError(f"{file}: {where}.id = {unique_id!r}: must be the role's id, AROA…")
    return RoleLine(_resources(file, f"{where}.resources", members.get("resources")), unique_id)


def _table(file: str, where: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TealError(f"{file}: {where} = {value!r}: must be an object")
    return value


def _resources(file: str, where: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TealError(f"{file}: {where} = {value!r}: must be a list of {RESOURCES}")
    for number, one in enumerate(value):
        if not isinstance(one, str) or not is_resource(one):
            raise TealError(f"{file}: {where}[{number}] = {one!r}: must be {RESOURCES}")
    return tuple(value)


def watched_bindings(data_dir: Path) -> Callable[[], Bindings]:
    """Those of the moment: the file is read again when it changes."""
    return Watched(data_dir / FILE, lambda: load_bindings(data_dir), Bindings()).current


def save_bindings(data_dir: Path, bindings: Bindings) -> None:
    """Write the file: on disk when this returns, whole or not at all. Raises TealError."""
    write_private(data_dir / FILE, json.dumps(_written(bindings), indent=2))


def _written(bindings: Bindings) -> dict[str, object]:
    written: dict[str, object] = {
        "certificates": {uri: list(allowed) for uri, allowed in bindings.certificates.items()}
    }
    if bindings.roles is not None:
        written["roles"] = {
            role: {"id": line.unique_id, "resources": list(line.resources)}
            if line.unique_id
            else list(line.resources)
            for role, line in bindings.roles.items()
        }
    return written
