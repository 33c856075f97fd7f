"""Base64 for URLs and tokens, without padding: https://www.rfc-editor.org/rfc/rfc4648#section-5"""

from __future__ import annotations

import base64
import binascii


def encoded(data: bytes) -> str:
    """``data`` as text of letters, digits, ``-`` and ``_``."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """What `encoded` has made the text of; empty for what is no base64."""
    standard = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    try:
        return binascii.a2b_base64(standard, strict_mode=True)
    except ValueError:
        return b""
