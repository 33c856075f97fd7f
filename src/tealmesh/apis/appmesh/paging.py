"""Pages of sorted names behind an opaque ``nextToken``."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence

from tealmesh.model.errors import AwsError


def page(
    names: Sequence[str], scope: Sequence[str], limit: int, token: str | None
) -> tuple[list[str], str | None]:
    """The page of ``names`` (sorted) that follows ``token``, and the token of the next one.

    ``scope`` says what is listed; a token is good only for the list that gave it. Because a token
    holds the last name seen, pages neither repeat nor skip what stays while others come and go.
    Raises BadRequestException for a token that this list cannot have given.
    """
    after = _after(token, scope) if token is not None else None
    rest = [name for name in names if after is None or name > after]
    chosen = rest[:limit]
    more = len(rest) > limit
    return chosen, _token(scope, chosen[-1]) if more else None


def _token(scope: Sequence[str], last: str) -> str:
    text = json.dumps([*scope, last], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _after(token: str, scope: Sequence[str]) -> str:
    refused = AwsError(
        "BadRequestException",
        f"nextToken = {token!r}: must be the nextToken of an earlier answer to the same list"
        " operation",
    )
    try:
        padded = token + "=" * (-len(token) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise refused from error
    if not isinstance(parts, list) or parts[:-1] != list(scope) or not isinstance(parts[-1], str):
        raise refused
    return parts[-1]
