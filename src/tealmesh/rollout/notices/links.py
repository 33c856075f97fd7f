"""Signed links by which a person decides about a deployment from a chat or a mail. Pure.

A link names one deployment, one decision and the time until which it is good; whoever has it may
decide that and nothing else. Opening it only shows a page that asks.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from tealmesh.model.errors import LinkError
from tealmesh.model.identity.base64url import decoded, encoded

PATH = "/_teal/decide"
GOOD_SECONDS = 24 * 3600.0
"""A link is good for so long."""

Decision = Literal["approve", "roll-back"]


@dataclass(frozen=True)
class Link:
    """What a link allows."""

    decision: Decision
    deployment: str
    """Id of the deployment."""
    until: float
    """Wall time, in epoch seconds."""


def token(link: Link, key: bytes) -> str:
    """The link as text that can stand in a URL, signed with ``key``."""
    content = {"decision": link.decision, "deployment": link.deployment, "until": link.until}
    body = encoded(json.dumps(content, separators=(",", ":")).encode())
    return f"{body}.{encoded(_signature(body, key))}"


def read(text: str, key: bytes, now: float, former: Sequence[bytes] = ()) -> Link:
    """The link in a token that ``key``, or a ``former`` one, has signed. Raises LinkError if none
    did, or if it is too late.
    """
    body, _, signature = text.partition(".")
    given = decoded(signature)
    if not any(hmac.compare_digest(given, _signature(body, one)) for one in (key, *former)):
        raise LinkError("this link is not from this control plane, or is not whole")
    content = json.loads(decoded(body))
    link = Link(content["decision"], content["deployment"], content["until"])
    if now > link.until:
        raise LinkError("this link is good no more: use `teal`, or wait for the next notice")
    if link.decision not in get_args(Decision):
        raise LinkError("this control plane does not know this link's decision")
    return link


def url(base: str, decision: str, deployment: str, now: float, key: bytes) -> str:
    """A link that is good from ``now`` for `GOOD_SECONDS`."""
    link = Link(cast("Decision", decision), deployment, now + GOOD_SECONDS)
    return f"{base.rstrip('/')}{PATH}?token={token(link, key)}"


def _signature(body: str, key: bytes) -> bytes:
    return hmac.new(key, f"tealmesh link {body}".encode(), hashlib.sha256).digest()
