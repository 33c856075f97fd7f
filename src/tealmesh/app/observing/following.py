"""Follows what calls have changed until every Envoy of the mesh runs with it: for the log, metrics
and traces.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tealmesh.app.observing.calls import Write
from tealmesh.model.clock import SteadyClock
from tealmesh.model.convergence import Convergence
from tealmesh.model.identity import answering
from tealmesh.store import Store, View
from tealmesh.xds.streams.counts import Times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tealmesh.model.identity.answering import Answering

log = logging.getLogger(__name__)

FOLLOWED_SECONDS = 60.0
"""After which it is said who has not acknowledged."""
_MOST = 200
"""Changes that are followed at once; of others it is only said that they were made."""
_OF_MESHES = "appmesh."

Converge = Callable[[str, int, float], Awaitable[Convergence]]
"""`AdsCache.wait_converged`."""


@dataclass(frozen=True)
class Pushed:
    """What became of one change in one mesh."""

    write: Write
    mesh: str
    seconds: float
    """From the answer of the call until all Envoys ran with it, or until nobody waited longer."""
    convergence: Convergence


class Following:
    """The changes of one control plane."""

    def __init__(self, store: Store, converge: Converge, clock: SteadyClock) -> None:
        self.times = Times()
        """From the answers of calls to the last acknowledgements."""
        self.unfinished = 0
        """Changes that some Envoy had not acknowledged in time."""
        self.told: list[Callable[[Pushed], None]] = []
        """Called of each, such as by what makes traces."""
        self._store = store
        self._converge = converge
        self._clock = clock
        self._writes: asyncio.Queue[tuple[Write, float]] = asyncio.Queue()
        self._followed = 0

    def wrote(self, write: Write) -> None:
        """Follow it."""
        self._writes.put_nowait((write, self._clock()))

    async def run(self) -> None:
        """Follow what is written, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                write, began = await self._writes.get()
                call = write.call
                with _of(call):
                    log.info(
                        "%s made revision %d by %s of %s",
                        call.actor, call.revision, call.operation, call.service,
                        extra={"fields": {"revision": call.revision, "actor": call.actor}},
                    )  # fmt: skip
                for mesh in changed_meshes(self._store.view, call.revision):
                    if self._followed < _MOST:
                        self._followed += 1
                        group.create_task(self._follow(write, mesh, began))

    async def _follow(self, write: Write, mesh: str, began: float) -> None:
        try:
            revision = write.call.revision
            convergence = await self._converge(mesh, revision, FOLLOWED_SECONDS)
            pushed = Pushed(write, mesh, self._clock() - began, convergence)
            with _of(write.call):
                self._say(pushed)
            for tell in self.told:
                tell(pushed)
        except Exception:
            # Nothing depends on who looks on.
            log.exception("following a change of mesh %s", mesh)
        finally:
            self._followed -= 1

    def _say(self, pushed: Pushed) -> None:
        convergence, revision = pushed.convergence, pushed.write.call.revision
        fields = {
            "revision": revision,
            "mesh": pushed.mesh,
            "envoys": len(convergence.expected),
            "seconds": round(pushed.seconds, 4),
        }
        if convergence.converged:
            self.times.add(pushed.seconds)
            text = "mesh %s: all %d Envoys run with revision %d after %.3f s"
            count = len(convergence.expected)
            log.info(text, pushed.mesh, count, revision, pushed.seconds, extra={"fields": fields})
            return
        self.unfinished += 1
        left = [*convergence.rejected, *convergence.waiting][:3]
        text = "mesh %s: after %.0f s %d of %d Envoys do not run with revision %d, such as %s"
        waiting, of = len(convergence.waiting), len(convergence.expected)
        log.warning(
            text, pushed.mesh, pushed.seconds, waiting, of, revision, ", ".join(left),
            extra={"fields": {**fields, "waiting": waiting}},
        )  # fmt: skip


def changed_meshes(view: View, revision: int) -> list[str]:
    """The meshes of which a revision changed something, or a later one has since."""
    changed = view.changed_since(revision - 1) or ()
    names = (key.partition("/")[0] for collection, key in changed if _is_of_meshes(collection))
    return sorted({unquote(name) for name in names})


def _is_of_meshes(collection: str) -> bool:
    return collection.startswith(_OF_MESHES)


@contextmanager
def _of(call: Answering) -> Iterator[None]:
    """What is logged meanwhile has the call's request id."""
    token = answering.current.set(call)
    try:
        yield
    finally:
        answering.current.reset(token)
