"""How a webhook is signed, so that its receiver knows who sent it and when. Pure.

As Standard Webhooks says, for which there are libraries in many languages:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_PREFIX = "whsec_"


def key(secret: str) -> bytes:
    """The key in a secret: ``whsec_`` and base64, or any other text as it is."""
    text = secret.strip()
    if text.startswith(_PREFIX):
        try:
            return base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            return text.encode()
    return text.encode()


def headers(secret: str, identity: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that sign ``body``. ``identity``: the same for each try of the same message.
    ``timestamp``: of this try, in epoch seconds.
    """
    signed = f"{identity}.{timestamp}.".encode() + body
    digest = hmac.new(key(secret), signed, hashlib.sha256).digest()
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
