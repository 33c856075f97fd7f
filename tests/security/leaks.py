"""Finds secrets in what a run leaves behind: files, processes, answers."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

from tealmesh.engine.runtimes.process.marks import VARIABLE

_LEAST = 8
"""Bytes of a secret that are looked for; fewer are found by chance."""


@dataclass
class Secrets:
    """What must not be found, by what it is."""

    values: dict[str, str] = field(default_factory=dict)
    homes: dict[str, frozenset[str]] = field(default_factory=dict)
    """The places that have a secret by right, by the secret's name."""

    def add(self, name: str, value: str, *homes: str) -> str:
        """Look for a secret everywhere but in these places; return it."""
        assert len(value.encode()) >= _LEAST, name
        self.values[name] = value
        self.homes[name] = frozenset(homes)
        return value

    def found(self, places: Iterable[tuple[str, bytes]]) -> list[str]:
        """Each secret that is where it should not be, with the place and the form."""
        known = {name: forms(value) for name, value in self.values.items()}
        return [
            f"{name} ({form}) in {place}"
            for place, content in places
            for name, looks in known.items()
            if not any(Path(place).match(home) for home in self.homes[name])
            for form, text in looks.items()
            if text in content
        ]


def forms(secret: str) -> Mapping[str, bytes]:
    """The forms in which a secret is looked for."""
    plain = secret.encode()
    made = {
        "plain": plain,
        "hex": plain.hex().encode(),
        "URL": quote(secret, safe="").encode(),
        "form": quote_plus(secret).encode(),
        "JSON": json.dumps(secret)[1:-1].encode(),
        "JSON in JSON": json.dumps(json.dumps(secret)[1:-1])[1:-1].encode(),
        "repr": repr(secret)[1:-1].encode(),
    }
    for offset in range(3):
        # Where it begins decides how base64 shows it; the characters at its ends also depend on its
        # neighbours.
        whole = base64.b64encode(b"\0" * offset + plain)
        inner = whole[(0, 2, 3)[offset] : (offset + len(plain)) * 8 // 6]
        made[f"base64 {offset}"] = inner
        made[f"base64url {offset}"] = inner.translate(bytes.maketrans(b"+/", b"-_"))
    return made


def files(directory: Path) -> Iterator[tuple[str, bytes]]:
    """All files, as they are on disk."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield str(path), path.read_bytes()


def processes(mark: str) -> Iterator[tuple[str, bytes]]:
    """``cmdline`` and ``environ`` of each process that was started with ``mark`` among its
    arguments or variables, as ``/proc/CONTAINER/environ`` where it is a container's.
    """
    for one in Path("/proc").iterdir():
        if not one.name.isdigit() or int(one.name) == os.getpid():
            continue
        try:
            arguments, variables = (one / "cmdline").read_bytes(), (one / "environ").read_bytes()
        except OSError:
            continue  # it has ended
        if mark.encode() in arguments + variables:
            homes = [v for v in variables.split(b"\0") if v.startswith(f"{VARIABLE}=".encode())]
            name = homes[0].decode().rpartition("/")[2] if homes else one.name
            yield f"/proc/{name}/cmdline", arguments
            yield f"/proc/{name}/environ", variables
