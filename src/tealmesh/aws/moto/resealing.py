"""Before a former master key is retired: nothing may be left that only that key opens."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from tealmesh.aws.moto.journal_file import Journal, opened_lock, sealed_with
from tealmesh.aws.moto.sealing import Sealing
from tealmesh.model.clock import SteadyClock, steady_clock, system_clock
from tealmesh.model.errors import TealError
from tealmesh.model.identity import rings

_SECONDS = 20.0
_PAUSE_SECONDS = 0.1


def reseal(journal: Path, clock: SteadyClock = steady_clock) -> None:
    """Have the journal of the other services sealed with the present master key: by the process
    that uses it, which does so within a second, or else here. Raises TealError if that fails.
    """
    ring = rings.watched(journal.with_name(rings.MASTER_KEY))
    end = clock() + _SECONDS
    while not _is_sealed(journal, ring().ids[0]):
        if not _resealed(journal, Sealing(ring)):
            if clock() > end:
                raise TealError(
                    f"{journal} is still sealed with the former key, and in use: the log of the "
                    "control plane says why; nothing was retired"
                )
            time.sleep(_PAUSE_SECONDS)


def _is_sealed(journal: Path, key: str) -> bool:
    """Whether a journal does without any other key."""
    try:
        return not journal.exists() or sealed_with(journal) in ("", key)
    except (OSError, ValueError) as error:
        raise TealError(f"{journal} cannot be read ({error}): nothing was retired") from error


def _resealed(journal: Path, sealing: Sealing) -> bool:
    """Seal it, unless another process uses it."""
    lock = opened_lock(journal)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        Journal(journal, sealing, "", system_clock()).close()
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
