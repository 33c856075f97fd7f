"""Key pairs that this control plane has issued, and who they stand for.

`callers.json` in the data directory, readable by its owner alone, has those of people and of CI;
`teal up` makes the owner's at its first start, `teal credentials` the others. Keys of tasks are in
no file: everything about them is in their session token, which only we can make.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NotRequired, TypedDict, cast

from tealmesh.model.errors import TealError
from tealmesh.model.private import write_private

FILE = "callers.json"
OWNER = "owner"
"""The name of the key pair that `teal up` makes."""

ALL = "*"
PersonAccess = Literal["viewer", "deployer", "admin"]


@dataclass(frozen=True)
class KnownCaller:
    """Somebody whom the owner of the machine has let in: by a key pair, or as a Unix user."""

    name: str
    access: PersonAccess
    key_id: str = ""
    """Empty for a Unix user and for an IAM role."""
    secret: str = ""
    unix_user: str = ""
    """The login name; empty for others."""
    role: str = ""
    """ARN of the IAM role or user that proves itself by STS; empty for others."""
    meshes: tuple[str, ...] = (ALL,)
    services: tuple[str, ...] = (ALL,)
    """Which a deployer may change; ``*`` for all."""


class _Entry(TypedDict):
    name: str
    access: PersonAccess
    keyId: str
    secret: str
    unixUser: str
    role: NotRequired[str]
    meshes: list[str]
    services: list[str]


def with_keys(
    name: str,
    access: PersonAccess,
    meshes: Sequence[str] = (ALL,),
    services: Sequence[str] = (ALL,),
) -> KnownCaller:
    """A new key pair, in the form of AWS's."""
    key_id = "AKIA" + base64.b32encode(secrets.token_bytes(10)).decode()
    secret = secrets.token_urlsafe(30)
    return KnownCaller(name, access, key_id, secret, "", "", tuple(meshes), tuple(services))


def load(data_dir: Path) -> list[KnownCaller]:
    """The callers of a data directory; empty without a file. Raises TealError if it is unusable."""
    path = data_dir / FILE
    try:
        entries = cast("list[_Entry]", json.loads(path.read_text())["callers"])
        return [
            KnownCaller(
                one["name"],
                one["access"],
                one["keyId"],
                one["secret"],
                one["unixUser"],
                one.get("role", ""),
                tuple(one["meshes"]),
                tuple(one["services"]),
            )
            for one in entries
        ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise TealError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise TealError(
            f"{path} is damaged ({type(error).__name__}): put it back from a backup, or delete it "
            "and issue keys anew by `teal up` and `teal credentials`"
        ) from error


def save(data_dir: Path, callers: Sequence[KnownCaller]) -> None:
    """Write the file: on disk when this returns, whole or not at all. Raises TealError."""
    entries: list[_Entry] = [
        {
            "name": one.name,
            "access": one.access,
            "keyId": one.key_id,
            "secret": one.secret,
            "unixUser": one.unix_user,
            "role": one.role,
            "meshes": list(one.meshes),
            "services": list(one.services),
        }
        for one in callers
    ]
    write_private(data_dir / FILE, json.dumps({"callers": entries}, indent=2))


def owner(data_dir: Path) -> KnownCaller:
    """The owner's key pair, made now if there is none. Raises TealError."""
    callers = load(data_dir)
    found = next((one for one in callers if one.name == OWNER and one.key_id), None)
    if found is None:
        found = with_keys(OWNER, "admin")
        save(data_dir, [found, *callers])
    return found


@dataclass(frozen=True)
class TaskKey:
    """The key pair of a task's role."""

    key_id: str
    secret: str
    token: str
    role: str
    """ARN of the role."""
    session: str
    """The task's id."""
    expires: float
    """Seconds since the epoch."""
    unique_id: str = ""
    """Of the role when it was issued; empty where nobody said."""


class _Claims(TypedDict):
    keyId: str
    role: str
    session: str
    expires: float
    uniqueId: NotRequired[str]


class TaskKeys:
    """Issues key pairs of tasks and knows them again: all state is in the token."""

    def __init__(self, masters: str | Callable[[], Sequence[str]]) -> None:
        """``masters``: a secret of the data directory, for this alone, or those of the moment, of
        which the first one signs and all verify.
        """
        self._masters = (lambda: (masters,)) if isinstance(masters, str) else masters

    def issue(
        self, key_id: str, role: str, session: str, expires: float, unique_id: str = ""
    ) -> TaskKey:
        """The key pair with the id that STS gave, which also says the role's ``unique_id``."""
        claims: _Claims = {"keyId": key_id, "role": role, "session": session, "expires": expires}
        if unique_id:
            claims["uniqueId"] = unique_id
        said = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
        master = self._masters()[0]
        token = f"teal.{said}.{_made(master, 'token', said)}"
        return TaskKey(key_id, _secret(master, token), token, role, session, expires, unique_id)

    def find(self, key_id: str, token: str) -> TaskKey | None:
        """The key pair of a session token; None if we did not make it for this key id."""
        form, _, rest = token.partition(".")
        said, _, mac = rest.partition(".")
        masters = self._masters() if form == "teal" else ()
        for master in masters:
            if hmac.compare_digest(mac.encode(), _made(master, "token", said).encode()):
                break
        else:
            return None
        claims = cast("_Claims", json.loads(base64.urlsafe_b64decode(said)))
        if claims["keyId"] != key_id:
            return None
        secret = _secret(master, token)
        return TaskKey(
            key_id,
            secret,
            token,
            claims["role"],
            claims["session"],
            claims["expires"],
            claims.get("uniqueId", ""),
        )


def _secret(master: str, token: str) -> str:
    """As long as AWS's: 40 characters."""
    return base64.b64encode(bytes.fromhex(_made(master, "secret", token))[:30]).decode()


def _made(master: str, purpose: str, text: str) -> str:
    key = master.encode()
    return hmac.new(key, f"{purpose} {text}".encode(), hashlib.sha256).hexdigest()
