"""Tokens of the page's sessions, and of programs that read it: who has one, and until when.

Everything about a session is in its token, which only we can make; the store has an entry for each
that has not ended, so that it can be listed and taken away (`tables.SESSIONS`). Design note 042.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NotRequired, TypedDict, cast

from tealmesh.model.identity.base64url import decoded, encoded
from tealmesh.model.identity.caller import Principal
from tealmesh.model.identity.issued import PersonAccess
from tealmesh.model.identity.rings import Live

SCHEME = "Teal "
"""What stands before a token in the header ``Authorization``."""

HEADER = "x-teal-session"
"""A header for the token alone: proxies may write their own ``Authorization`` over the page's."""

OF_PROXIES = "oidc:"
"""How the origin begins of somebody whom a proxy names; the name follows."""

SESSION_SECONDS = 12 * 3600.0
"""How long a session of the page lasts, and a token that says nothing else."""

_FORM = "tealpage1"
"""The first part of each token; another form would have another."""
_LONGEST = 4096


class SessionBody(TypedDict):
    """A session, as the store keeps it and as its token says."""

    id: str
    actor: str
    """The principal's name."""
    origin: str
    """How the principal was known: ``unix:LOGIN``, ``key:KEY ID`` or ``oidc:NAME``."""
    access: PersonAccess
    meshes: list[str]
    services: list[str]
    label: str
    """What it is for, in the words of who made it; empty for one of the page."""
    made: float
    expires: float
    """Seconds since the epoch, both."""
    claims: NotRequired[dict[str, list[str]]]
    """Of ``oidc:NAME``: by what the owner lets it in, `Provider.kept`."""


class CodeBody(TypedDict):
    """For whom a code opens a session: the members are those of `SessionBody`."""

    actor: str
    origin: str
    access: PersonAccess
    meshes: list[str]
    services: list[str]
    made: float
    expires: float
    """Seconds since the epoch, both."""


@dataclass(frozen=True)
class SessionKey:
    """Signs tokens, and knows them again."""

    secrets: Live

    def token(self, session: SessionBody) -> str:
        """The session as text that can stand in a header."""
        body = encoded(json.dumps(session).encode())
        return f"{_FORM}.{body}.{encoded(_signature(body, self.secrets()[0]))}"

    def read(self, token: str) -> SessionBody | None:
        """The session of a token, which may have ended; None if we have not made it."""
        form, _, rest = token.partition(".")
        body, _, signature = rest.partition(".")
        if form != _FORM or len(token) > _LONGEST:
            return None
        made = (encoded(_signature(body, one)).encode() for one in self.secrets())
        if not any(hmac.compare_digest(signature.encode(), one) for one in made):
            return None
        return cast("SessionBody", json.loads(decoded(body)))


def shown(headers: Mapping[str, str]) -> str:
    """What a request shows of a session, as the header ``Authorization`` has it."""
    token = headers.get(HEADER, "")
    return SCHEME + token if token else headers.get("authorization", "")


def _signature(body: str, secret: bytes) -> bytes:
    return hmac.new(secret, f"tealmesh page {body}".encode(), hashlib.sha256).digest()


def principal(session: SessionBody) -> Principal:
    """Who has the session."""
    return Principal(
        session["actor"],
        session["access"],
        tuple(session["meshes"]),
        tuple(session["services"]),
        session=session["id"],
    )
