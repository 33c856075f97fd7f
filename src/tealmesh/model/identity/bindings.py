"""Which Envoys that others run may be which nodes and gateways, by what their certificates name.

`envoys.json` in the data directory is the owner's; `teal envoy allow` writes it. Without an entry,
a certificate is good for the node that its URI names: ``spiffe://DOMAIN/mesh/M/virtualNode/N``.
https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from tealmesh.model.errors import TealError
from tealmesh.model.watched import Watched

FILE = "envoys.json"
Bindings = Mapping[str, Sequence[str]]
"""URI of a certificate -> the nodes and gateways, each ``mesh/M/virtualNode/N``."""

_KINDS = ("virtualNode", "virtualGateway")


def resources_of(uri: str, bindings: Bindings) -> Sequence[str]:
    """What an Envoy with this URI in its certificate may be; nothing for an unknown one."""
    if uri in bindings:
        return bindings[uri]
    try:
        path = urlsplit(uri).path.removeprefix("/") if uri.startswith("spiffe://") else ""
    except ValueError:
        return ()
    return (path,) if is_resource(path) else ()


def is_resource(text: str) -> bool:
    """Whether it has the form ``mesh/M/virtualNode/N`` or ``mesh/M/virtualGateway/N``."""
    parts = text.split("/")
    return len(parts) == 4 and parts[0] == "mesh" and parts[2] in _KINDS and all(parts)


def load_bindings(data_dir: Path) -> Bindings:
    """Those of a data directory; empty without a file. Raises TealError if it is unusable."""
    path = data_dir / FILE
    try:
        entries = json.loads(path.read_text())["certificates"]
        return {str(uri): tuple(map(str, resources)) for uri, resources in entries.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise TealError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TealError(
            f"{path} is damaged ({type(error).__name__}): delete it and name the certificates anew "
            "by `teal envoy allow`"
        ) from error


def watched_bindings(data_dir: Path) -> Callable[[], Bindings]:
    """Those of the moment: the file is read again when it changes."""
    empty: Bindings = {}
    return Watched(data_dir / FILE, lambda: load_bindings(data_dir), empty).current


def save_bindings(data_dir: Path, bindings: Bindings) -> None:
    """Write the file: on disk when this returns, whole or not at all. Raises TealError."""
    path, fresh = data_dir / FILE, data_dir / f"{FILE}.{os.getpid()}"
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({"certificates": {u: list(r) for u, r in bindings.items()}}, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise TealError(f"{path} cannot be written: {error.strerror}") from error
