"""Keys that are given for a proof of an AWS identity, for an hour.

Nothing is kept of them: the session token says whose they are and until when, signed with a key of
the data directory, and the secret is derived from that key and the token by HKDF. So any replica
with the same master key knows them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass, field

from tealmesh.model.identity.base64url import decoded, encoded
from tealmesh.model.identity.keys import derived
from tealmesh.model.identity.rings import Live

LASTING_SECONDS = 3600.0
FORM = "teal-login1"
"""The first part of such a session token."""
_LONGEST = 4096


@dataclass(frozen=True)
class ExchangedKey:
    """A key pair."""

    key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    """The session token."""
    arn: str
    """Of the IAM role or user whose identity was proven."""
    session: str
    """What assumed the role; empty for a user."""
    expires: float
    """Seconds since the epoch."""


class ExchangedKeys:
    """Issues such keys and knows them again."""

    def __init__(self, keys: Live) -> None:
        self._keys = keys

    def issue(self, arn: str, session: str, now: float) -> ExchangedKey:
        """A new key pair for whoever has proven to be ``arn``."""
        key_id = "ASIA" + base64.b32encode(secrets.token_bytes(10)).decode()
        body = encoded(json.dumps([key_id, arn, session, now + LASTING_SECONDS]).encode())
        key = self._keys()[0]
        token = f"{FORM}.{body}.{_signature(body, key)}"
        return ExchangedKey(key_id, _secret(key, token), token, arn, session, now + LASTING_SECONDS)

    def find(self, key_id: str, token: str) -> ExchangedKey | None:
        """The key pair of a session token, which may have expired; None if we did not make it for
        this key id.
        """
        form, _, rest = token.partition(".")
        body, _, signature = rest.partition(".")
        if form != FORM or len(token) > _LONGEST:
            return None
        for key in self._keys():
            if hmac.compare_digest(signature.encode(), _signature(body, key).encode()):
                named, arn, session, expires = json.loads(decoded(body))
                if named != key_id:
                    return None
                return ExchangedKey(key_id, _secret(key, token), token, arn, session, expires)
        return None


def without_path(arn: str) -> str:
    """The ARN of a role as STS knows it, which does not say the path."""
    return re.sub(r":role/.*/", ":role/", arn)


def _signature(body: str, key: bytes) -> str:
    made = hmac.new(key, f"tealmesh login {body}".encode(), hashlib.sha256).digest()
    return encoded(made)


def _secret(key: bytes, token: str) -> str:
    """As long as AWS's: 40 characters."""
    return base64.b64encode(derived(key, f"secret of {token}")[:30]).decode()
