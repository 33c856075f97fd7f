"""The port by which deployments hear what happens, so that they need not look in vain."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from tealmesh.rollout.system import Service

Numbers = Sequence[object]
"""How many tasks of each side are as they should be, in some form that can be compared."""


class Hearing(Protocol):
    """What can be heard of. Nothing here waits, and nothing of it is what a deployment decides by:
    that is looked at again.
    """

    def waking(self, event: asyncio.Event) -> AbstractContextManager[None]:
        """Set ``event`` whenever something may have happened, for as long as the context lasts."""
        ...

    def reported_until(self, service: Service) -> float:
        """Every caller of a service that reports has done so at or after this time; 0 if none
        reports.
        """
        ...

    def tasks(self, service: Service) -> Numbers:
        """Something that is different whenever a side has other numbers of tasks."""
        ...


class Deaf:
    """Nothing is heard, as where the APIs are AWS's: what happens is seen by looking."""

    def waking(self, event: asyncio.Event) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def reported_until(self, service: Service) -> float:
        return 0.0

    def tasks(self, service: Service) -> Numbers:
        return ()
