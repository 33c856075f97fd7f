"""The directory of secrets that all replicas of a control plane have alike: made, and carried.

Where no file system can be mounted by all of them, the directory is carried as one secret: a JSON
object of file names and contents, such as one of AWS Secrets Manager (`teal keys bundle`), which
ECS puts into a variable of the container.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tealmesh.model.errors import TealError
from tealmesh.model.identity import rings
from tealmesh.model.identity.issued import FILE, owner
from tealmesh.model.private import replace_private

VARIABLE = "TEAL_SECRETS"
"""The variable of the environment with a bundle."""

MOST_BYTES = 65_536
"""Of a secret of AWS Secrets Manager
(https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html).
"""

_SERVER_ID = "server-id"
_OWN = (*rings.NAMES, _SERVER_ID, FILE)
_OPTIONAL = ("envoys.json",)
_CREATING = "creating"
"""The file that is locked while secrets are made: replicas may start at the same time."""


def make(directory: Path, option: str = "--keys") -> None:
    """Make the secrets that a directory lacks; one that has all may be mounted read-only. Raises
    TealError if others can read it, or it cannot be used.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_closed(directory)
        if all((directory / name).exists() for name in _OWN):
            owner(directory)
            return
        with open(directory / _CREATING, "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for name in (*rings.NAMES, _SERVER_ID):
                rings.made(directory / name)
            owner(directory)
    except OSError as error:
        raise _unusable(directory, error, option) from error


def bundle(directory: Path, beside: Sequence[Path] = ()) -> str:
    """The secrets of a directory, and files ``beside`` them, as one JSON object. Raises TealError.

    `unpack` makes the directory of it again.
    """
    names = [*_OWN, *(name for name in _OPTIONAL if (directory / name).exists())]
    found: dict[str, str] = {}
    for path in (*(directory / name for name in names), *beside):
        if path.name in found:
            raise TealError(f"{path}: there is another file {path.name}: give it another name")
        try:
            with path.open() as file:  # no more of it than may be too much
                found[path.name] = file.read(MOST_BYTES + 1)
        except UnicodeDecodeError as error:
            raise TealError(f"{path} is not text: certificates and keys must be PEM") from error
        except OSError as error:
            raise TealError(f"{path} cannot be read: {error.strerror}") from error
    text = json.dumps(found, sort_keys=True)
    if len(text) > MOST_BYTES:
        raise TealError(
            f"all of it is more than the {MOST_BYTES} bytes that a secret of AWS may have: take "
            "certificates out that are not needed"
        )
    return text


def unpack(directory: Path, text: str) -> None:
    """Write the files of a `bundle`, readable by us alone; those that are there and differ are
    replaced, others stay. Raises TealError, which shows nothing of it.
    """
    files = _files(text)
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_closed(directory)
        for name, content in files.items():
            path = directory / name
            with contextlib.suppress(OSError, ValueError):
                if path.read_text() == content:
                    continue
            replace_private(path, content)
    except OSError as error:
        raise _unusable(directory, error, "--keys") from error


def _files(text: str) -> Mapping[str, str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found:
        # Not chained: the message of a JSON error shows the text.
        raise TealError(
            f"{VARIABLE} must be a JSON object of file names and contents, as `teal keys bundle` "
            "prints it"
        )
    for name, content in found.items():
        if not name or name.startswith(".") or "/" in name or "\0" in name:
            raise TealError(f"{VARIABLE}: {name!r} cannot name a file in the directory of --keys")
        if not isinstance(content, str):
            raise TealError(f"{VARIABLE}: the content of {name} must be a string")
    return found


def _check_closed(directory: Path) -> None:
    if directory.stat().st_mode & 0o027:
        raise TealError(
            f"{directory} is open to others, and keys are in it: run `chmod 700 {directory}`"
        )


def _unusable(directory: Path, error: OSError, option: str) -> TealError:
    return TealError(
        f"{error.filename or directory}: {error.strerror}: free some space, fix its permissions, "
        f"or choose another {option}"
    )
