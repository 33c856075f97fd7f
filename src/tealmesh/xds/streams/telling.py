"""Tells the streams of one node or gateway of its newest resources.

Nearly all stand at the same point, and a changed weight is one response. So what follows is decided
once for each point, and then written to one stream after the other; a stream of which there is more
to see than that looks for itself (`Connection.push`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from tealmesh.envoy.resources import ResourceSet
from tealmesh.http2.call import Alike
from tealmesh.model.clock import Steady
from tealmesh.model.mesh import Snapshot
from tealmesh.xds.protocol.exchange import NONCE_LENGTH
from tealmesh.xds.protocol.shared import SharedSession
from tealmesh.xds.protocol.standing import Leap, Standing
from tealmesh.xds.streams.connection import Connection

if TYPE_CHECKING:
    from tealmesh.xds.streams.cache import AdsCache


_Told: TypeAlias = tuple[Leap, Alike] | None
"""What follows at a standing, and its message; None if each stream looks for itself."""

Tell: TypeAlias = Callable[[Iterable[Connection]], None]
"""Tells some streams."""


def look(connections: Iterable[Connection]) -> None:
    """Let each look for itself."""
    for connection in connections:
        connection.push()


def keep(former: Snapshot, newest: Snapshot, connections: Iterable[Connection]) -> None:
    """Nothing to those who were told of the former one: both mean the same to them."""
    for connection in connections:
        if connection.snapshot is former:
            connection.snapshot = newest
        else:
            connection.push()


class Telling:
    """Of ``resources``, which they get at ``snapshot``."""

    def __init__(self, cache: AdsCache, snapshot: Snapshot, resources: ResourceSet) -> None:
        self._cache = cache
        self._snapshot = snapshot
        self._resources = resources
        self._known: dict[Standing, _Told] = {}

    def tell(self, connections: Iterable[Connection]) -> None:
        """Tell some of its streams."""
        cache, snapshot = self._cache, self._snapshot
        if cache.snapshots.get(snapshot.scope) is not snapshot:
            look(connections)  # there is a newer one
            return
        now, revision, told = cache.clock(), snapshot.revision, 0
        at: Standing | None = None
        known: _Told = None
        for connection in connections:
            stream, session, envoy = connection.stream, connection.session, connection.envoy
            if stream is None or (call := stream.open) is None:
                connection.push()
                continue
            if session.at is not at:
                at, known = session.at, self._follows(session, now)
            if (
                known is None
                or connection.snapshot is snapshot
                or session.acknowledged != envoy.acknowledged
                or session.fault
                or envoy.rejected
            ):
                connection.push()
                continue
            connection.snapshot = snapshot
            try:
                nonce = session.leap(known[0], revision)
                connection.sent(now)
                call.write_alike(known[1], nonce.encode())
                if call.out:
                    stream.unread()
            except Exception as error:  # noqa: BLE001 - whatever fails ends this stream alone
                stream.fail(error)
            told += 1
        cache.counts.pushes += told
        cache.encoder.served += told
        cache.owing.watch()

    def _follows(self, session: SharedSession, now: Steady) -> _Told:
        at = session.at
        if at not in self._known:
            self._known[at] = None
            # What cannot be made, each stream says of itself when it looks.
            with contextlib.suppress(Exception):
                leap = session.leap_to(self._resources, now)
                body = leap and self._cache.encoder.alike(leap.send, delta=session.delta)
                if leap and body:
                    self._known[at] = (leap, Alike(body, NONCE_LENGTH))
        return self._known[at]
