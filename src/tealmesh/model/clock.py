"""Time and identifiers as arguments: whoever needs one is handed a clock or a `NewId`.

There are three kinds of time, and mypy tells them apart:

- `Wall`: seconds since the epoch, for what is shown and for dates of protocols. Somebody may set it
  back or forth at any moment, so no duration is computed from it.
- `Steady`: for durations within this process.
- `Moment`: for durations that a restart of the control plane must not cut off or begin anew. The
  store keeps it as a `MomentBody`, with the boot that it belongs to.

`Steady` and `Moment` go by CLOCK_BOOTTIME, which nobody can set and which counts on while the
machine sleeps (https://man7.org/linux/man-pages/man2/clock_gettime.2.html). Design note 020.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NewType, TypedDict

Wall = NewType("Wall", float)
"""Seconds since the epoch."""

Steady = NewType("Steady", float)
"""Seconds that pass evenly. They look like seconds since the epoch, as they begin with the time at
which this process started, but are compared with one another only.
"""

Clock = Callable[[], Wall]
SteadyClock = Callable[[], Steady]

NewId = Callable[[], str]
"""Returns a new identifier of 32 lower-case hexadecimal digits."""


class MomentBody(TypedDict):
    """A moment as the store keeps it."""

    boot: str
    """Id of the boot; another one means that the machine was started anew since."""
    at: float
    """Seconds since that boot."""


Elsewhere = Callable[[MomentBody, float], float]
"""Where a moment of another machine is on this one's clock: seconds since this machine's boot. The
second argument is the present there.
"""


@dataclass(frozen=True)
class Moment:
    """The present moment, by which those that were stored are judged."""

    boot: str
    at: float
    """Seconds since the boot."""
    began: float
    """The same, for when a control plane first used this data directory in this boot."""
    elsewhere: Elsewhere | None = field(default=None, compare=False, repr=False)
    """Judges the moments of other boots where several machines share a database; None where one
    machine has it for itself, so that another boot is an earlier one.
    """

    def since(self, stored: MomentBody | None) -> float:
        """Seconds that have passed since a stored moment. What began before the machine was started
        anew, or was stored by a version without moments (None), begins anew, at `began`. What
        another replica stored counts from when this one first saw it.
        """
        if stored is not None and stored["boot"] == self.boot:
            return max(0.0, self.at - stored["at"])
        if stored is None or self.elsewhere is None:
            return max(0.0, self.at - self.began)
        return max(0.0, self.at - self.elsewhere(stored, self.at))

    def left(self, stored: MomentBody | None, seconds: float) -> float:
        """Of so many seconds from a stored moment on, those that are left; 0 if none are."""
        return max(0.0, seconds - self.since(stored))

    def placed(self, stored: MomentBody | None) -> float:
        """A stored moment in seconds since this boot, so that several can be compared. Those of
        earlier boots are at `began`.
        """
        return self.at - self.since(stored)

    def stored(self) -> MomentBody:
        return {"boot": self.boot, "at": self.at}


BootClock = Callable[[], MomentBody]
"""The boot of this machine, and the seconds since then."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""https://man7.org/linux/man-pages/man5/proc_sys_kernel.5.html"""


def random_id() -> str:
    """A random identifier of 32 lower-case hexadecimal digits."""
    return uuid.uuid4().hex


def system_clock() -> Wall:
    """The wall clock of this machine."""
    return Wall(time.time())


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        # Without Linux's /proc every process counts as a boot: waits then begin anew too often.
        return random_id()


_BOOT = _boot_id()
_STARTED = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def system_boot() -> MomentBody:
    """This machine's boot, and the seconds since then."""
    return {"boot": _BOOT, "at": time.clock_gettime(time.CLOCK_BOOTTIME)}


def steady_clock() -> Steady:
    """Evenly passing seconds."""
    return Steady(_STARTED + time.clock_gettime(time.CLOCK_BOOTTIME))
