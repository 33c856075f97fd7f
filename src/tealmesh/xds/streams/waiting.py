"""Those who wait until a mesh has converged, counting down the Envoys that are left."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from tealmesh.model.convergence import Convergence

_LONG_SECONDS = 0.005
"""A look at a whole mesh that takes longer is not followed by the next one at once: with ten
thousand Envoys at several replicas there is always something that has changed."""
_LOOKING = 0.2
"""The share of the time in which a waiter looks then."""
_RECHECK_SECONDS = 0.2
"""How often a waiter asks anew which Envoys are expected, for each thousand of them."""


class _Waiter:
    """Waits for one revision of a mesh."""

    def __init__(self, mesh: str, revision: int) -> None:
        self.mesh = mesh
        self.revision = revision
        self.left: set[str] = set()
        """The Envoys that had not acknowledged it."""
        self.changed = asyncio.Event()


class Waiting:
    """All who wait. ``look`` tells how far a mesh is with a revision, which is looked at as a whole
    only when a countdown has ended or something else than an acknowledgement has happened;
    ``known``, whether there is anything to see yet.
    """

    def __init__(
        self, look: Callable[[str, int], Convergence], known: Callable[[str, int], bool]
    ) -> None:
        self._look = look
        self._known = known
        self._waiters: set[_Waiter] = set()
        self.active = asyncio.Event()
        """Set while somebody waits."""
        self.looks = 0
        """How often a whole mesh was looked at."""

    def all(self, mesh: str, since: int = -1) -> None:
        """The mesh has changed: those who wait for a revision after ``since`` look at it."""
        for waiter in self._waiters:
            if waiter.mesh == mesh and waiter.revision > since:
                waiter.changed.set()

    def moved(self, identity: str, acknowledged: int, *, stuck: bool) -> None:
        """An Envoy has acknowledged a revision; or it is ``stuck``, or gone."""
        for waiter in self._waiters:
            if identity not in waiter.left:
                continue
            if acknowledged >= waiter.revision:
                waiter.left.discard(identity)
            if stuck or not waiter.left:
                waiter.changed.set()

    async def wait(self, mesh: str, revision: int, timeout: float) -> Convergence:
        """Wait until the mesh has converged on ``revision``, every Envoy that has not has refused
        it, or ``timeout`` seconds have passed; return the state then.
        """
        loop = asyncio.get_running_loop()
        deadline, again = loop.time() + timeout, 0.0
        with self._waiter(mesh, revision) as waiter:
            while True:
                waiter.changed.clear()
                left, pause = deadline - loop.time(), _RECHECK_SECONDS
                if left <= 0 or self._known(mesh, revision):
                    self.looks += 1
                    began = loop.time()
                    state = self._look(mesh, revision)
                    took = loop.time() - began
                    again = began + took / _LOOKING if took > _LONG_SECONDS else began
                    waiter.left = set(state.waiting)
                    refused = waiter.left and waiter.left <= state.rejected.keys()
                    if state.converged or refused or left <= 0:
                        return state
                    pause *= max(1.0, len(state.expected) / 1000)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(waiter.changed.wait(), min(left, pause))
                if (early := min(again, deadline) - loop.time()) > 0:
                    await asyncio.sleep(early)

    @contextlib.contextmanager
    def _waiter(self, mesh: str, revision: int) -> Iterator[_Waiter]:
        waiter = _Waiter(mesh, revision)
        self._waiters.add(waiter)
        self.active.set()
        try:
            yield waiter
        finally:
            self._waiters.discard(waiter)
            if not self._waiters:
                self.active.clear()
