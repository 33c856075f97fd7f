"""The stream of changes: one board for all pages, and a reader for each that is open.

Nothing is read while no page is open. While one is, it costs no more than a hundredth of the time
(`budget`), or in a fleet of thousands what a reading each ten seconds costs: what pages are sent
and ask for is counted too, and where that is much the sections are read less often.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Send

from tealmesh.app.dashboard import calls
from tealmesh.app.dashboard.access import HEADERS, Fresh, guarded, header
from tealmesh.app.dashboard.board import Board, Items
from tealmesh.app.dashboard.budget import SAVED_SECONDS, SHORTEST_PAUSE, Budget, Spent
from tealmesh.aws.callers.front import Front
from tealmesh.aws.callers.sessions import Sessions
from tealmesh.model.clock import Clock, SteadyClock
from tealmesh.model.errors import AwsError

PATH = "/_teal/stream"
BEAT_SECONDS = 10.0
MOST_READERS = 32

EXPECTED_SECONDS = 3.0
"""Within which who has loaded the page asks for the stream."""

SLACK_SECONDS = 0.1
"""By which a reading comes sooner where another one is made: what both tell is one event."""

Read = Callable[[], Awaitable[dict[str, Items]]]
"""Some sections, whole, as they are."""


@dataclass
class Turn:
    """One of the readings, and when it is its turn."""

    read: Read
    budget: Budget
    due: float
    seconds: float = 0.0
    """The processor time that it has taken."""
    shared: float = 0.0
    """What pages had taken beside the readings when this one's share of it was counted last."""

    async def take(self, board: Board, steady: SteadyClock, shared: float) -> None:
        """Read, and write down what has changed. ``shared``: what pages have taken beside the
        readings of the turns, divided by these.
        """
        spent = Spent(time.thread_time)
        await spent.by(self._written(board, steady))
        self.seconds += spent.seconds
        took = spent.seconds + shared - self.shared
        self.shared = shared
        now = steady()
        self.due = now + self.budget.pause(took, now)

    async def _written(self, board: Board, steady: SteadyClock) -> None:
        sections = await self.read()
        before = board.number
        if board.update(sections, steady()):
            # Who has all up to now is sent this, which then is written already.
            board.read(before)


class Stream:
    """The board of one control plane, and who reads it."""

    def __init__(
        self, reads: Sequence[Read], name: str, steady: SteadyClock, stopping: asyncio.Event
    ) -> None:
        """``reads``: together they read all sections; only the first may save up time. ``name``:
        another after each start. ``stopping``: set when readers have to go.
        """
        self.board = Board(name)
        self.served = Spent(time.thread_time)
        """What pages take beside the readings: what they are sent, and what they ask for."""
        now = steady()
        self._turns = [
            Turn(read, Budget(now, 0.0 if index else SAVED_SECONDS), now)
            for index, read in enumerate(reads)
        ]
        self._steady = steady
        self._stopping = stopping
        self._readers: set[asyncio.Event] = set()
        self._wanted = asyncio.Event()
        self._fresh = False
        self._expected_until = 0.0

    def seconds(self) -> float:
        """The processor time that pages have taken so far: the readings, what was sent, and what
        was asked for.
        """
        return self.served.seconds + sum(turn.seconds for turn in self._turns)

    def expect(self) -> None:
        """Somebody loads the page: read what it will ask for while the browser begins."""
        self._expected_until = self._steady() + EXPECTED_SECONDS
        self._wanted.set()

    async def run(self) -> None:
        """Read while anybody is there, until cancelled."""
        turns = self._turns
        while True:
            await self._wanted.wait()
            before = self.board.number
            for turn in turns:
                if turn.due <= self._steady() + SLACK_SECONDS:
                    shared = self.served.seconds / len(turns)
                    await turn.take(self.board, self._steady, shared)
            if self.board.number != before or not self._fresh:
                self._fresh = True
                for reader in self._readers:
                    reader.set()
            pause = min(turn.due for turn in turns) - self._steady()
            await asyncio.sleep(max(SHORTEST_PAUSE - SLACK_SECONDS, pause))
            if not self._readers and self._steady() >= self._expected_until:
                self._wanted.clear()
                self._fresh = False

    def refuse_too_many(self) -> None:
        """Raise AwsError if there is no room for another reader."""
        if len(self._readers) >= MOST_READERS:
            text = f"{MOST_READERS} pages are open already, which is the most: close one"
            raise AwsError("TooManyStreams", text, status=503)

    @contextlib.contextmanager
    def reading(self) -> Iterator[asyncio.Event]:
        """An event that is set when there is something new."""
        news = asyncio.Event()
        self._readers.add(news)
        self._wanted.set()
        if self._fresh:
            news.set()
        try:
            yield news
        finally:
            self._readers.discard(news)

    async def events(
        self, news: asyncio.Event, last_event_id: str, ended: Callable[[], str]
    ) -> AsyncIterator[bytes]:
        """What one reader is sent. ``ended``: why it must not read on; empty if it may."""
        known = self.board.resumed(last_event_id)
        sent = False
        beaten: float | None = None
        while True:
            happened = await self._wait(news)
            if self._stopping.is_set():
                yield _event("end", {"reason": "stopping"})
                return
            if reason := ended():
                yield _event("end", {"reason": reason})
                return
            if happened == "news":
                news.clear()
                if not sent or known != self.board.number:
                    sent = True
                    known, event = self.board.number, self.board.read(known)
                    yield event
            if beaten is None or happened == "beat" or self._steady() - beaten >= BEAT_SECONDS:
                # Where much happens too: it tells the time, by which pages say how old things are.
                beaten = self._steady()
                yield _event("beat", {"at": round(time.time(), 3)})

    async def _wait(self, news: asyncio.Event) -> Literal["news", "beat", "stop"]:
        waits = [asyncio.ensure_future(one.wait()) for one in (news, self._stopping)]
        try:
            done, _ = await asyncio.wait(
                waits, timeout=BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for one in waits:
                one.cancel()
        if waits[1] in done:
            return "stop"
        return "news" if done else "beat"


def _event(kind: str, data: dict[str, float | str]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


class _Counted(StreamingResponse):
    """What sending takes is counted: it has a task of its own."""

    def __init__(self, spent: Spent, events: AsyncIterator[bytes]) -> None:
        super().__init__(events, headers=HEADERS, media_type="text/event-stream")
        self._spent = spent

    async def stream_response(self, send: Send) -> None:
        await self._spent.by(super().stream_response(send))


def stream_route(
    stream: Stream, sessions: Sessions, front: Front, wall: Clock, fresh: Fresh
) -> Route:
    """Where the stream is."""

    async def answer(request: Request) -> Response:
        calls.of(request, front)
        shown = header(request)

        def ended() -> str:
            try:
                sessions.of(shown)
            except AwsError:
                return "expired" if sessions.session_ended(shown, wall()) else "revoked"
            return ""

        stream.refuse_too_many()
        last = request.headers.get("last-event-id", "")

        async def sent() -> AsyncIterator[bytes]:
            with stream.reading() as news:
                async for event in stream.events(news, last, ended):
                    yield event

        return _Counted(stream.served, sent())

    return Route(PATH, guarded(answer, fresh), methods=["GET"])
