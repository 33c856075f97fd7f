"""The lease under which something is done that must happen once over all replicas.

`tealmesh.replicas.leases` takes and renews leases. What is here is for whoever works under one and
wants to know how long it lasts, and for calls that carry it: our own endpoint checks the header
``Teal-Lease`` in the transaction that writes; AWS ignores it.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from tealmesh.model.clock import SteadyClock
from tealmesh.model.errors import LeaseLost

HEADER = "Teal-Lease"
"""``NAME/NUMBER``."""

ATTEMPT_SECONDS = 5.0
"""The longest attempt of a call of AWS, which begins only if the lease lasts longer."""


@dataclass(eq=False)
class Lease:
    """A lease that this replica holds, or has held."""

    name: str
    number: int
    """The fencing number: each time that the lease is taken, it is one more."""
    clock: SteadyClock
    until: float
    """By ``clock``, when this replica must have stopped to act under it."""

    def left(self) -> float:
        """Seconds that it still lasts; 0 if it has ended."""
        return max(0.0, self.until - self.clock())

    def token(self) -> str:
        """What `HEADER` says of it."""
        return f"{self.name}/{self.number}"


held: ContextVar[Lease | None] = ContextVar("teal_lease_held", default=None)
"""The lease under which this context works; None where nothing needs one."""


def require(seconds: float) -> None:
    """Raise LeaseLost unless the lease of this context lasts so many seconds still."""
    lease = held.get()
    if lease is not None and lease.left() < seconds:
        raise LeaseLost(
            f"the lease {lease.name!r} lasts {lease.left():.1f} s, too short for a call of up to "
            f"{seconds:g} s: another replica may go on"
        )


def parsed(text: str) -> tuple[str, int] | None:
    """Name and number of a token; None for anything else."""
    name, _, number = text.rpartition("/")
    if not name or not number.isdecimal() or len(number) > 18:
        return None
    return name, int(number)
