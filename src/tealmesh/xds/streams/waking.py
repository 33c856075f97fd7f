"""Tells the streams of a mesh that it has another snapshot."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterator
from itertools import islice

from tealmesh.model.mesh import Proxy
from tealmesh.xds.streams.register import Register
from tealmesh.xds.streams.telling import Tell

log = logging.getLogger(__name__)

SLICE_SECONDS = 0.02
"""For how long streams are served before others get their turn."""

_AT_ONCE = 32
"""Streams that are told between two looks at the time."""


FEW = 100
"""Envoys that are told within some milliseconds: whoever changes one thing need not wait for the
hold-off then."""


class Waking:
    """At most once in each hold-off, in which newer snapshots may come; where there are more than
    `FEW`, after one. ``telling`` gives what tells streams of what they are configured as in a mesh.
    ``done`` is told of each mesh whose streams have all been told.
    """

    def __init__(
        self,
        register: Register,
        telling: Callable[[str, Proxy], Tell],
        done: Callable[[str], None],
        *,
        hold_off: float,
    ) -> None:
        self._register = register
        self._telling = telling
        self._done = done
        self._hold_off = hold_off
        self._due: set[str] = set()
        self._woken_at: dict[str, float] = {}
        """By mesh, when its streams were told last, by the event loop's clock."""
        self._waking: dict[str, asyncio.Task[None]] = {}

    def schedule(self, mesh: str) -> None:
        """The mesh has another snapshot, or none any more."""
        connected = len(self._register.connected(mesh))
        if not connected:
            self._woken_at.pop(mesh, None)
            self._done(mesh)
        elif mesh not in self._due:
            self._due.add(mesh)
            loop = asyncio.get_running_loop()
            last = self._woken_at.get(mesh, -math.inf) if connected <= FEW else loop.time()
            wait = last + self._hold_off - loop.time()
            if wait > 0:
                loop.call_later(wait, self._wake, mesh)
            else:
                loop.call_soon(self._wake, mesh)

    def _wake(self, mesh: str) -> None:
        """Tell the first streams at once: a task of its own would begin behind whoever goes on
        answering the call that made the change.
        """
        self._due.discard(mesh)
        former = self._waking.pop(mesh, None)
        if former is not None:
            former.cancel()
        loop = asyncio.get_running_loop()
        self._woken_at[mesh] = loop.time()
        slices = self._slices(mesh, list(self._register.streams(mesh)))
        try:
            more = next(slices, False)
        except Exception as error:  # noqa: BLE001 - logged, and done otherwise
            self._one_by_one(mesh, error)
            return
        if more:
            waking = self._waking[mesh] = loop.create_task(self._wake_all(slices))
            waking.add_done_callback(lambda ended: self._woken(mesh, ended))

    def _woken(self, mesh: str, ended: asyncio.Task[None]) -> None:
        if self._waking.get(mesh) is ended:
            del self._waking[mesh]
        if not ended.cancelled() and (error := ended.exception()) is not None:
            self._one_by_one(mesh, error)

    def _one_by_one(self, mesh: str, error: BaseException) -> None:
        log.error("each stream of mesh %s is woken by itself", mesh, exc_info=error)
        for connections in list(self._register.streams(mesh).values()):
            for connection in list(connections):
                connection.wake()
        self._done(mesh)

    async def _wake_all(self, slices: Iterator[bool]) -> None:
        """Tell the rest."""
        more = True
        while more:
            await asyncio.sleep(0)
            more = next(slices, False)

    def _slices(self, mesh: str, proxies: list[Proxy]) -> Iterator[bool]:
        """Translate what streams share, and serve those for whom something changes; True each time
        that others should get their turn.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        for proxy in proxies:
            streams = self._register.streams(mesh).get(proxy)
            if streams is None:
                continue
            tell = self._telling(mesh, proxy)
            each = iter(list(streams))
            while some := list(islice(each, _AT_ONCE)):
                tell(some)
                if loop.time() - began > SLICE_SECONDS:
                    yield True
                    began = loop.time()
        self._done(mesh)
