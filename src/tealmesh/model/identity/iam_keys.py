"""Access keys that IAM and STS have issued here."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

_FORM = re.compile(r"A[KS]IA[A-Z0-9]{16}")


@dataclass(frozen=True)
class IamKey:
    """An access key, and whose it is."""

    key_id: str
    secret: str = field(repr=False)
    arn: str
    """Of the caller: a user, an assumed role, or the account's root."""
    decides: str
    """ARN of the user or role whose policies decide; empty for the root, who may do everything."""
    token: str = field(default="", repr=False)
    """The session token of temporary credentials; empty for a user's own keys."""
    expires: float = 0.0
    """Their end, in seconds since the epoch; 0 for never."""
    tagged: bool = False
    """Whether the session was given tags of its own, which nobody keeps."""
    status: Literal["Active", "Inactive"] = "Active"


IamKeyOf = Callable[[str], Awaitable[IamKey | None]]
"""The key with an id; None if there is none. Raises AwsError if that cannot be told at present."""


def may_be_of_iam(key_id: str) -> bool:
    """Whether a key id has the form of those that IAM and STS issue."""
    return _FORM.fullmatch(key_id) is not None
