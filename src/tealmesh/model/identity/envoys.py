"""Tokens that say which Envoy has them: the task, and the node or gateway that it stands for."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypedDict

from tealmesh.model.errors import EnvoyUnknown
from tealmesh.model.identity.base64url import decoded, encoded

_FORM = "teal1"
"""The first part of each token; another form would have another."""
_LONGEST = 4096
SCHEME = "Bearer "
"""What stands before a token in the metadata ``authorization``."""
CERTIFIED = "Certificate "
"""What stands before the URI of a client certificate, where that is all that an Envoy shows. Only
the server says so: in metadata it counts for nothing."""


class Owner(StrEnum):
    """Whose Envoy it is."""

    TASK = "task"
    BALANCER = "balancer"
    USER = "user"
    """One that the owner of the machine started."""
    ROLE = "role"
    """One that has the credentials of a role, as STS confirmed."""


@dataclass(frozen=True)
class Identity:
    """What a token proves."""

    owner: Owner
    name: str
    """ARN of the task, ``loadbalancer/NAME``, or what the user calls it; empty for no name."""
    resource: str
    """The only node id that it may connect with: ``mesh/M/virtualNode/N``, or virtualGateway, or
    ``loadbalancer/NAME``.
    """
    role: str = ""
    """ARN of the role whose policies decide, for ROLE."""


class EnvoyRoleBody(TypedDict):
    """A role that IAM knew when it was asked for an Envoy: if it does no more, it was deleted."""

    roleArn: str


class Admit(Protocol):
    """Decides about a stream that begins, for configuration as for statistics."""

    def known(self, given: str) -> bool:
        """Whether what was ``given`` as ``authorization`` is a token of ours at all."""
        ...

    def forget_ended(self) -> None:
        """Forget whom it refused and who exists no more."""
        ...

    async def identify(self, given: str, node_id: str, declared: str) -> str:
        """Whose Envoy it is, without asking whether it may have its configuration: statistics are
        taken of those that go on with what they have. The rest is as for `admit`.
        """
        ...

    async def admit(
        self, given: str, node_id: str, declared: str, since: float | None = None
    ) -> str:
        """The name of the Envoy that gave this; empty for one that has none but its node.
        ``node_id`` and ``declared``, a task, are what it says of itself. ``since``, by the steady
        clock, is when it was let in, for one that is connected and is asked about again.

        Raises EnvoyUnknown if it proves nothing, EnvoyForbidden if it proves to be another or may
        not have the configuration, EnvoyUnverified if nobody can say that at present.
        """
        ...

    def admit_at_once(self, given: str, node_id: str, declared: str) -> str | None:
        """The same for an Envoy that comes new, where nobody else has to be asked; None where
        somebody has to be.
        """
        ...


def shown(
    metadata: Iterable[tuple[str, str | bytes]], connection: Mapping[str, Iterable[bytes]]
) -> str:
    """What an Envoy shows of itself: the metadata ``authorization``, or else the URI of the
    certificate that its connection, gRPC's authentication context, was begun with; empty for
    neither.
    """
    given = next((value for name, value in metadata if name == "authorization"), "")
    text = given.decode("latin-1") if isinstance(given, bytes) else given
    if text and not text.startswith(CERTIFIED):
        return text
    names = connection.get("x509_subject_alternative_name", ())
    found = [one.decode("utf-8", "replace") for one in names]
    uri = next((one for one in found if "://" in one), "")
    return f"{CERTIFIED}{uri}" if uri else ""


def token(identity: Identity, key: bytes) -> str:
    """The identity as text that can stand in a header, signed with ``key``."""
    body = encoded(json.dumps([identity.owner, identity.name, identity.resource]).encode())
    return f"{_FORM}.{body}.{encoded(_signature(body, key))}"


def proven(text: str, keys: Sequence[bytes], owned: Sequence[bytes]) -> Identity:
    """The identity in a token that one of ``keys`` signed. ``owned`` are the keys of users' own
    Envoys, which prove nothing about others. Raises EnvoyUnknown if none signed it.
    """
    form, _, rest = text.partition(".")
    body, _, signature = rest.partition(".")
    if form != _FORM or len(text) > _LONGEST:
        raise EnvoyUnknown("the token is not one of this control plane")
    given = decoded(signature)
    ours = any(hmac.compare_digest(given, _signature(body, key)) for key in keys)
    if not ours and not any(hmac.compare_digest(given, _signature(body, key)) for key in owned):
        raise EnvoyUnknown("the token is not one of this control plane")
    owner, name, resource = json.loads(decoded(body).decode())
    if not ours and owner != Owner.USER:
        raise EnvoyUnknown("the token is signed by the wrong key")
    return Identity(Owner(owner), name, resource)


def _signature(body: str, key: bytes) -> bytes:
    return hmac.digest(key, f"tealmesh envoy {body}".encode(), hashlib.sha256)
