"""Idempotence by ``clientToken``: the answer to a token is kept, and given again.

The answer is written in the same transaction as the change itself, so that a caller who lost the
answer (or a control plane that was killed before sending it) gets the same one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tealmesh.apis.requests import digest
from tealmesh.model.errors import AwsError
from tealmesh.store import Transaction, tables

LIFETIME = 3600.0
"""Seconds for which an answer is kept; the SDKs retry for minutes at most."""

_ALLOWED = re.compile(r"[A-Za-z0-9_-]{1,36}")


def once(
    tx: Transaction,
    operation: str,
    request: Mapping[str, Any],
    now: float,
    act: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """Run ``act`` unless this token has been answered before; then give that answer.

    Raises BadRequestException for a malformed token and ConflictException when the token was used
    for another request of the same operation.
    """
    token = request.get("clientToken")
    if token is None:
        return act()
    if not _ALLOWED.fullmatch(token):
        raise AwsError(
            "BadRequestException",
            f"clientToken = {token!r}: must be 1 to 36 letters, numbers, hyphens and underscores",
        )
    fingerprint = digest(request, without="clientToken")
    earlier = tx.get(tables.CLIENT_TOKENS, "appmesh", operation, token)
    if earlier is not None and earlier.body["at"] > now - LIFETIME:
        if earlier.body["request"] != fingerprint:
            raise AwsError(
                "ConflictException",
                f"clientToken {token} was used for an earlier {operation} request with different"
                " members: use a new token",
            )
        answer: dict[str, Any] = earlier.body["answer"]
        return answer
    answer = act()
    body = {"request": fingerprint, "at": now, "answer": answer}
    tx.put(tables.CLIENT_TOKENS, "appmesh", operation, token, body=body)
    return answer


def expire(tx: Transaction, now: float) -> None:
    """Forget the answers that are older than `LIFETIME`."""
    for document in tx.list(tables.CLIENT_TOKENS, "appmesh"):
        if document.body["at"] <= now - LIFETIME:
            _, operation, token = document.key.split("/")
            tx.delete(tables.CLIENT_TOKENS, "appmesh", operation, token)
