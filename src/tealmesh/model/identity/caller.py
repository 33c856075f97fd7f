"""The caller of an AWS operation, and who that is."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

Access = Literal["viewer", "deployer", "admin", "role"]
"""What a principal may do: see; deploy some services; everything; what the policies of an IAM role
say. The rules are `aws.callers.rules`."""

OURSELVES = "tealmesh"
"""The name, and the access key id, of the control plane's own calls."""


@dataclass(frozen=True)
class Principal:
    """Somebody who has been verified: by the kernel, or by a signature."""

    name: str
    """For people: a login name, the name of a key pair, the ARN of an assumed role."""
    access: Access
    meshes: tuple[str, ...] = ()
    """Of a deployer: the meshes that it may change; ``*`` for all."""
    services: tuple[str, ...] = ()
    """Of a deployer: the services that it may deploy; ``*`` for all."""
    role: str = ""
    """ARN of the IAM role, where one decides."""
    unique_id: str = ""
    """Of the role when the keys were issued; empty where nobody said."""
    session: str = ""
    """The id of the session whose token was shown, which gives no further ones; empty for who is
    known by the kernel or by a signature."""
    origin: str = ""
    """By what it is known: ``unix:LOGIN``, ``key:KEY ID`` or ``oidc:NAME``; empty for a session and
    a role."""
    tagged: bool = False
    """Whether a role's session has tags of its own, of which nothing is known."""
    address: str = field(default="", compare=False)
    """The IP address that the request is from; empty where that is not known, such as for what our
    own process passes on."""
    is_encrypted: bool = field(default=False, compare=False)
    """Whether the request came by TLS."""


@dataclass(frozen=True)
class Caller:
    """Who called an operation, and for where."""

    account: str
    """The control plane's one account (design note 001)."""
    region: str
    """The region that the request was signed for; part of the ARNs of what it creates."""
    actor: str
    """The name of the verified principal, for the audit log and the journal."""
    request_id: str
    if_match: str = ""
    """The header ``If-Match``: the version that the resource of an App Mesh Update or Delete must
    have. An extension of ours, as App Mesh has no conditional writes; empty for any version."""
    principal: Principal | None = field(default=None, compare=False)
    """None where nobody verifies callers, as in tests of one API."""


speaking: ContextVar[Principal | None] = ContextVar("speaking", default=None)
"""Who the present request is from. What stands between the front and an API of ours passes requests
on, and none of it needs to know."""
