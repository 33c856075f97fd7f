"""Time and identity, as arguments."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]
"""Now, in seconds since the epoch."""

NewId = Callable[[], str]
"""A fresh identifier: 32 lower-case hexadecimal digits."""


def random_id() -> str:
    """A fresh random identifier of 32 lower-case hexadecimal digits."""
    return uuid.uuid4().hex


system_clock: Clock = time.time


@dataclass(frozen=True)
class Caller:
    """Who calls an AWS operation, from the SigV4 credential scope.

    A control plane answers for one account and one region (design note 001); ``region`` is what
    the caller signed for and becomes part of the ARNs of what it creates.
    """

    account: str
    region: str
    access_key: str
    request_id: str
