"""What the page asks for: tasks, graphs of meshes, windows of deployments, traces, tokens."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class GetPageCodeOutput(TypedDict):
    """What GetPageCode answers."""

    code: str
    path: str
    """Where the page is, with the code in its fragment, which browsers do not send."""
    expires: float


class CreateTokenInput(TypedDict):
    """Input of CreateToken."""

    label: NotRequired[str]
    """What it is for, for people."""
    readOnly: NotRequired[bool]
    """Whether it only sees. Default: it may do what who makes it may do."""
    seconds: NotRequired[float]
    """How long it lasts. Default: 12 hours."""


class Token(TypedDict):
    """A token that has not ended, or a session of the page."""

    tokenId: str
    actor: str
    """Who has it."""
    access: str
    """viewer, deployer or admin."""
    label: NotRequired[str]
    """What it is for; absent for a session of the page."""
    createdAt: float
    expiresAt: float


class CreateTokenOutput(TypedDict):
    """What CreateToken answers."""

    secret: str
    """The token itself, which is told this once."""
    token: Token


class ListTokensOutput(TypedDict):
    """What ListTokens answers."""

    tokens: list[Token]


class RevokeTokenInput(TypedDict):
    """Input of RevokeToken."""

    tokenId: str
    """Its id, or the beginning of it."""


class RevokeTokenOutput(TypedDict):
    """What RevokeToken answers."""

    token: Token
    """The one that has ended."""
