"""Base64 for URLs and tokens, without padding: https://www.rfc-editor.org/rfc/rfc4648#section-5"""

from __future__ import annotations

import base64


def encoded(data: bytes) -> str:
    """``data`` as text of letters, digits, ``-`` and ``_``."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """What `encoded` has made the text of; empty for what is no base64."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""
