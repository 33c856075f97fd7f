"""Idempotence by ``clientToken``: the answer to a token is kept and given again.

The answer is written in the same transaction as the change itself, so a caller who did not get it
(because the connection broke, or the control plane was killed before sending it) gets the same one
from a retry.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tealmesh.apis.appmesh.calls import Call
from tealmesh.model.appmesh import ClientTokenBody, ResourceData, S
from tealmesh.model.errors import AwsError
from tealmesh.store import Transaction, tables

LIFETIME_SECONDS = 600.0
"""Answers are kept for so long. The SDKs send a token of their own with each change, and retry for
a minute or two at most.
"""

_ALLOWED = re.compile(r"[A-Za-z0-9_-]{1,36}")


def once(
    tx: Transaction,
    operation: str,
    call: Call[S],
    act: Callable[[], dict[str, ResourceData]],
) -> dict[str, ResourceData]:
    """Run ``act`` unless the token has been answered before; then return that answer.

    Raises BadRequestException for a malformed token and ConflictException if the token was used
    for another request of the same operation.
    """
    if call.token is None:
        return act()
    if not _ALLOWED.fullmatch(call.token):
        raise AwsError(
            "BadRequestException",
            f"clientToken = {call.token!r}: must be 1 to 36 letters, numbers, hyphens and"
            " underscores",
        )
    earlier = tx.get(tables.CLIENT_TOKENS, "appmesh", operation, call.token)
    if earlier is not None and not _expired(tx, earlier.body):
        if earlier.body["request"] != call.fingerprint:
            raise AwsError(
                "ConflictException",
                f"clientToken {call.token} was used for an earlier {operation} request with"
                " different members: use a new token",
            )
        return earlier.body["answer"]
    answer = act()
    body: ClientTokenBody = {
        "request": call.fingerprint,
        "since": tx.moment.stored(),
        "answer": answer,
    }
    tx.put(tables.CLIENT_TOKENS, "appmesh", operation, call.token, body=body)
    return answer


def expire(tx: Transaction) -> None:
    """Delete the answers that are older than `LIFETIME_SECONDS`."""
    for document in tx.list(tables.CLIENT_TOKENS, "appmesh"):
        if _expired(tx, document.body):
            _, operation, token = document.key.split("/")
            tx.delete(tables.CLIENT_TOKENS, "appmesh", operation, token)


def _expired(tx: Transaction, body: ClientTokenBody) -> bool:
    return tx.moment.since(body.get("since")) >= LIFETIME_SECONDS
