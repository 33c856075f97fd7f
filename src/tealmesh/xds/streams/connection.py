"""One stream of one Envoy, and an Envoy across its streams, as the cache keeps them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tealmesh.envoy.resources import ResourceType
from tealmesh.http2.call import Call
from tealmesh.model.clock import Steady
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Proxy, Snapshot
from tealmesh.model.said import say
from tealmesh.xds.protocol.exchange import Request
from tealmesh.xds.protocol.own import Own
from tealmesh.xds.protocol.reading import Heard
from tealmesh.xds.protocol.session import Memory, Send
from tealmesh.xds.protocol.shared import SharedSession

if TYPE_CHECKING:
    from tealmesh.xds.streams.cache import AdsCache

log = logging.getLogger(__name__)

SLOW_SECONDS = 20.0
"""After how long without an answer an Envoy is named as slow: it may hold one back for 15 s, while
it waits for endpoints (`barrier`)."""

SILENCE_SECONDS = 60.0
"""How long an Envoy may leave a response unanswered before its stream is closed."""


class Stream(Protocol):
    """A stream that no task attends to: it is told at once."""

    open: Call | None
    """Its call, if it can be written to now."""

    def unread(self) -> None:
        """What was written to the call waits for the Envoy to read."""
        ...

    def fail(self, error: Exception) -> None:
        """End the stream, since something went wrong."""
        ...

    def send(self) -> None:
        """Something may be due: send it."""
        ...

    def look(self) -> None:
        """See whether the stream has to end, and whether something is due."""
        ...

    def finish(self) -> None:
        """End the stream."""
        ...


class Connection:
    """One stream of one Envoy, as the servicer uses it."""

    __slots__ = (
        "_begins",
        "_cache",
        "_owed_since",
        "_waiting",
        "ended",
        "envoy",
        "error",
        "session",
        "snapshot",
        "stream",
        "woken",
    )

    def __init__(self, cache: AdsCache, envoy: Envoy, session: SharedSession) -> None:
        self.envoy = envoy
        self.session = session
        self.snapshot: Snapshot | None = None
        """The snapshot that the session's target was built from."""
        self.ended = False
        """Whether the stream should finish."""
        self.error: TealError | None = None
        """Why it does, if the Envoy is not to have it any more."""
        self.stream: Stream | None = None
        """None where a task attends to it, which `wait`s."""
        self.woken = False
        """Whether that task has to look."""
        self._begins = True
        """Whether it has not asked for anything yet."""
        self._cache = cache
        self._waiting: asyncio.Future[None] | None = None
        self._owed_since: float | None = None
        """Since when the Envoy owes an answer, or has given another; None if it owes none."""

    def request(
        self,
        type_url: str,
        request: Request,
        nonce: str | None = None,
        known: Heard | None = None,
    ) -> None:
        """Process a request of the Envoy, about the response ``nonce`` if that is not in it.
        ``known``: what stands for this type and request, if it is likely to be heard again.
        """
        envoy, session = self.envoy, self.session
        if self._begins:
            self._begins = False
            if type_url == ResourceType.CLUSTER and request.version:
                self._cache.recollect(self, request.version)
                session = self.session
        if known is not None and known.common:
            nack = session.request(type_url, request, nonce, known)
        else:
            common = envoy.own.request(type_url, request)
            nack = session.request(type_url, common, nonce, known if common is request else None)
        cache, owed = self._cache, self._owed_since
        if nack is not None:
            cache.counts.refused(type_url)
            log.warning("%s refused %s: %s", envoy.id, type_url, envoy.own.text(nack.message))
        if session.at.in_flight:
            self._owed_since = cache.clock()
            cache.owing.owes(self, self._owed_since)
            return
        envoy.silence = ""
        if owed is not None:
            self._owed_since = None
            cache.owing.owes_nothing(self)
            cache.counts.answers.add(cache.clock() - owed)

    def begin_with(self, session: SharedSession) -> None:
        """Nothing was sent yet: go by this session from the beginning."""
        self.session, self.snapshot = session, None

    def next(self) -> bytes | None:
        """The next response, encoded and counted as sent; None when nothing is due."""
        cache = self._cache
        cache.refresh(self)
        now = cache.clock()
        send = self.session.next(now)
        if send is None:
            cache.note(self)
            return None
        return self._encoded(send, send.nonce, now)

    def due(self) -> list[bytes]:
        """All that `next` would return until it returns None."""
        cache, session, envoy = self._cache, self.session, self.envoy
        if cache.snapshots.get(envoy.proxy.mesh) is not self.snapshot:
            cache.refresh(self)
        made: list[bytes] = []
        if not session.at.quiet:
            now = cache.clock()
            for send, nonce in session.due(now):
                made.append(self._encoded(send, nonce, now))
        if (
            session.acknowledged != envoy.acknowledged
            or session.at.rejections
            or session.fault
            or envoy.rejected
        ):
            cache.note(self)
        return made

    def _encoded(self, send: Send, nonce: str, now: Steady) -> bytes:
        """A response that is sent now, under a nonce of this stream."""
        cache = self._cache
        cache.counts.pushes += 1
        self.sent(now)
        return cache.encoder.encode(send, self.envoy.own, delta=self.session.delta, nonce=nonce)

    def sent(self, now: Steady) -> None:
        """It was sent something: the Envoy owes an answer."""
        if self._owed_since is None:
            self._owed_since = now
            self._cache.owing.owes(self, now)

    async def wait(self) -> None:
        """Wait until there may be something to send."""
        self.settle()
        while not self.woken:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        self.woken = False

    def settle(self) -> None:
        """Nothing more is due now: see to it that this is looked at in time."""
        cache, wakes_at = self._cache, self.session.at.wake_at
        if self._owed_since is not None:
            cache.owing.watch()
        if wakes_at is not None:
            cache.alarms.set(wakes_at, self)

    @property
    def wakes_at(self) -> float | None:
        """When to look again even if nothing happens; None for never."""
        return self.session.wake_at

    def silent(self) -> bool:
        """Whether the Envoy has left a response unanswered for too long; says so of it then."""
        owed = self._owed_since
        if owed is None or self._cache.clock() < owed + SILENCE_SECONDS:
            return False
        self.envoy.silence = say(
            "did not answer what it was sent for {seconds} s: its stream was closed",
            seconds=f"{SILENCE_SECONDS:g}",
        )
        return True

    def does_not_read(self) -> None:
        """It has not read a response for too long: say so of the Envoy."""
        self.envoy.silence = say(
            "did not read what it was sent for {seconds} s: its connection was closed",
            seconds=f"{SILENCE_SECONDS:g}",
        )

    def owes_since(self) -> float:
        """For how many seconds the Envoy has owed an answer; 0 if it owes none."""
        return 0.0 if self._owed_since is None else self._cache.clock() - self._owed_since

    def wake(self) -> None:
        """Look whether the stream has to end, and whether something is due."""
        if self.stream is not None:
            self.stream.look()
            return
        self.woken = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def push(self) -> None:
        """There may be something to send."""
        if self.stream is not None:
            self.stream.send()
        else:
            self.wake()

    def end(self, error: TealError | None = None) -> None:
        """Let the stream finish, for a reason that its Envoy is told."""
        self.ended = True
        self.error = self.error or error
        if self.stream is not None:
            self.stream.finish()
        else:
            self.wake()

    def close(self) -> None:
        """Record that the stream has ended."""
        self._cache.owing.owes_nothing(self)
        self._cache.disconnect(self)


@dataclass(slots=True)
class Envoy:
    """An Envoy across its streams: usually one, two for a moment when it reconnects."""

    id: str
    node_id: str
    proxy: Proxy
    """What it has in common with all that are configured alike: it has placeholders for the
    addresses of its task."""
    own: Own
    """What it does not have in common with them."""
    connections: list[Connection] = field(default_factory=list)
    acknowledged: int = 0
    """The newest revision that all its streams have acknowledged."""
    rejected: str = ""
    """Its messages about what it refused."""
    memory: Memory = field(default_factory=Memory)
    """What its last stream left."""
    silence: str = ""
    """That it left a response unanswered for too long, until it has answered one; else empty."""
    version: str = ""
    """Envoy's own, as its newest stream told it; empty where it does not."""
    gone_at: float = 0.0
    """When its last stream ended, by the cache's clock."""

    def slow(self) -> str:
        """That it is slow to answer at present, or was silent; empty if not."""
        owed = max((connection.owes_since() for connection in self.connections), default=0.0)
        if owed < SLOW_SECONDS:
            return self.silence
        return say("has not answered for {seconds} s what it was sent", seconds=round(owed))

    def refused(self, snapshot: Snapshot | None) -> str:
        """Its messages about the newest snapshot: what it refused before says nothing of that."""
        if self.rejected and all(one.snapshot is snapshot for one in self.connections):
            return self.rejected
        return ""

    def sync(self) -> bool:
        """Copy the sessions' progress; return whether it changed."""
        if len(self.connections) == 1 and not self.rejected:  # nearly always
            session = self.connections[0].session
            if not session.fault and not session.at.rejections:
                if self.acknowledged == session.acknowledged:
                    return False
                self.acknowledged = session.acknowledged
                return True
        before = (self.acknowledged, self.rejected)
        sessions = [connection.session for connection in self.connections]
        if sessions:
            self.acknowledged = min(session.acknowledged for session in sessions)
            rejected = "; ".join(r for session in sessions for r in session.rejections)
            self.rejected = self.own.text(rejected)
        return before != (self.acknowledged, self.rejected)


def refused_here(
    known: Mapping[str, Envoy], waiting: Iterable[str], snapshot: Snapshot | None
) -> dict[str, str]:
    """By id, what those of the Envoys say that have refused a snapshot."""
    said: dict[str, str] = {}
    for identity in waiting:
        envoy = known.get(identity)
        if envoy is not None and envoy.rejected and (why := envoy.refused(snapshot)):
            said[identity] = why
    return said
