"""Sends HTTP requests at a constant rate over persistent connections, and counts every failure.

Requests are sent on schedule, whether or not earlier ones have been answered, and latency is
measured from the time at which a request was due. So a stall counts for all requests that it
delays, not for one (https://www.scylladb.com/2021/04/22/on-coordinated-omission/). Nothing is
retried. Where a machine is not there to be measured, requests can be held back while too many have
no answer: they are counted, and fail nothing.

``python -m tealmesh.cli.demo.load`` runs it as a process: it prints one line of JSON per interval
until its standard input is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import signal
import ssl
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from typing import cast
from urllib.parse import urlsplit

import httptools

from tealmesh.cli.demo.tally import INTERVAL_SECONDS, Tally

TIMEOUT_SECONDS = 10.0
"""A request that was due this long ago and has no answer has failed."""
NOT_SENT = "timeout before it was sent"
"""Why one has failed for which no connection became free: more are due than can be answered."""
TICK_SECONDS = 0.002
LOOK_SECONDS = 0.02
"""How often it is looked for what has waited too long, where less is due."""
MAX_CONNECTIONS = 512
"""Per target."""


Judge = Callable[[int, Mapping[str, str], bytes], tuple[str, str]]
"""(status, headers by lower-case name, body) -> ``(version, "")`` for a success, ``("", reason)``
for a failure."""


def check_sample(status: int, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """The judge of the samples' answers, which say their version in the body."""
    return check_answer(status, body)


def check_answer(status: int, body: bytes) -> tuple[str, str]:
    """``(version, "")`` for a success, ``("", reason)`` for a failure."""
    if status != 200:
        return "", f"status {status}"
    try:
        answer = json.loads(body)
    except ValueError:
        return "", "body is not JSON"
    version = answer.get("version") if isinstance(answer, dict) else None
    if not isinstance(version, str) or not version:
        return "", "body without a version"
    return version, ""


class Connection(asyncio.Protocol):
    """A persistent connection to a target, which carries one request at a time."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.transport: asyncio.Transport | None = None
        self.due: float | None = None
        self._start_response()

    def _start_response(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.body: list[bytes] = []
        self.complete = False
        self.keep = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def send(self, due: float) -> None:
        """Send a request that was due at ``due``, in seconds of the loop's clock."""
        self.due = due
        self.target.busy.add(self)
        if self.transport is None:
            self.fail("connection lost before it was sent")
        else:
            self.transport.write(self.target.request)

    def data_received(self, data: bytes) -> None:
        if self.due is None:
            self.drop()  # An unsolicited answer: it would be taken for that of the next request.
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.fail(f"not HTTP: {type(error).__name__}")
            return
        if self.complete:
            self._finish()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        self.complete = True
        # After this callback the parser answers for the next message.
        self.keep = self.parser.should_keep_alive()

    def _finish(self) -> None:
        status, body = self.parser.get_status_code(), b"".join(self.body)
        version, failure = self.target.judge(status, self.headers, body)
        self._done(version, failure)
        if not self.keep:
            self.drop()
            return
        self._start_response()
        self.target.release(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.due is not None:
            # Before the first byte, within the head or within the body: all are failures.
            reason = f"connection lost: {type(exc).__name__}" if exc else "connection closed early"
            self._done("", reason)
        self.target.forget(self)

    def fail(self, reason: str) -> None:
        """Count the request under way as a failure and close the connection."""
        self._done("", reason)
        self.drop()

    def drop(self) -> None:
        transport = self.transport
        self.target.forget(self)
        if transport is not None:
            transport.abort()

    def _done(self, version: str, failure: str) -> None:
        due, self.due = self.due, None
        self.target.busy.discard(self)
        if due is not None:
            self.target.record(due, version, failure)


class Target:
    """A URL that gets ``rate`` requests per second."""

    def __init__(
        self,
        url: str,
        rate: float,
        record: Callable[[float, str, str], None],
        timeout: float = TIMEOUT_SECONDS,
        headers: Iterable[tuple[str, str]] = (),
        judge: Judge = check_sample,
        method: str = "GET",
    ) -> None:
        parts = urlsplit(url)
        self.timeout = timeout
        self.rate = rate
        self.record = record
        self.judge = judge
        self.tls = _unverified() if parts.scheme == "https" else None
        self.address = (parts.hostname or "127.0.0.1", parts.port or (443 if self.tls else 80))
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {"host": parts.netloc.rpartition("@")[2]}
        sent |= {name.lower(): value for name, value in headers}
        if method not in ("GET", "HEAD"):
            sent["content-length"] = "0"
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
        self.request = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        self.idle: list[Connection] = []
        self.busy: set[Connection] = set()
        self.waiting: deque[float] = deque()
        self.open = 0
        self.connecting: set[asyncio.Task[None]] = set()

    def dispatch(self, due: float) -> None:
        """Send the request that is due, on an idle or a new connection."""
        if self.idle:
            self.idle.pop().send(due)
            return
        self.waiting.append(due)
        if self.open < MAX_CONNECTIONS:
            self.open += 1
            task = asyncio.ensure_future(self._connect())
            self.connecting.add(task)
            task.add_done_callback(self.connecting.discard)

    def release(self, connection: Connection) -> None:
        """Use a connection that has become free for a waiting request, or keep it."""
        if self.waiting:
            connection.send(self.waiting.popleft())
        else:
            self.idle.append(connection)

    def forget(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        if connection in self.idle:
            self.idle.remove(connection)
        if connection.transport is not None:
            connection.transport = None
            self.open -= 1

    def expire(self, now: float) -> None:
        """Fail the requests that have waited too long for an answer or a connection."""
        for connection in [
            c for c in self.busy if c.due is not None and now - c.due > self.timeout
        ]:
            connection.fail("timeout")
        while self.waiting and now - self.waiting[0] > self.timeout:
            self.record(self.waiting.popleft(), "", NOT_SENT)

    def close(self) -> None:
        """Close all connections. Requests under way count as failures."""
        for connection in list(self.busy):
            connection.fail("not answered before the end")
        while self.waiting:
            self.record(self.waiting.popleft(), "", "not sent before the end")
        for connection in list(self.idle):
            connection.drop()
        for task in self.connecting:
            task.cancel()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.timeout):
                _, connection = await loop.create_connection(
                    lambda: Connection(self), *self.address, ssl=self.tls
                )
        except (OSError, TimeoutError) as error:
            self.open -= 1
            if self.waiting:
                self.record(self.waiting.popleft(), "", f"connect: {type(error).__name__}")
            return
        self.release(connection)


def _unverified() -> ssl.SSLContext:
    """TLS to any certificate: those of local systems are signed by nobody we know."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Load:
    """Sends requests to targets at their rates and reports a tally per interval."""

    def __init__(
        self,
        targets: Iterable[tuple[str, float]],
        report: Callable[[Tally], None],
        timeout: float = TIMEOUT_SECONDS,
        headers: Iterable[tuple[str, str]] = (),
        judge: Judge = check_sample,
        method: str = "GET",
        most: int | None = None,
    ) -> None:
        """``most``: how many requests may have no answer until others are held back."""
        self.timeout = timeout
        sent = tuple(headers)
        self.targets = [
            Target(url, rate, self._record, timeout, sent, judge, method) for url, rate in targets
        ]
        self.report = report
        self.stopping = asyncio.Event()
        self._most = math.inf if most is None else most
        self._unanswered = 0
        self._tallies: dict[int, Tally] = {}
        self._unfinished: Counter[int] = Counter()

    async def run(self) -> None:
        """Send requests until ``stopping`` is set, then wait for outstanding answers."""
        loop = asyncio.get_running_loop()
        # One offset for the whole run: a step of the wall clock must not change latencies.
        self._wall = time.time() - loop.time()
        start = loop.time()
        sent = [0] * len(self.targets)
        while not self.stopping.is_set():
            now = loop.time()
            for index, target in enumerate(self.targets):
                while (due := start + sent[index] / target.rate) <= now:
                    sent[index] += 1
                    self._send(target, due)
                target.expire(now)
            self._flush(self._interval(now))
            pairs = zip(sent, self.targets, strict=True)
            due = min((start + n / target.rate for n, target in pairs), default=now + LOOK_SECONDS)
            await asyncio.sleep(min(max(due - loop.time(), TICK_SECONDS), LOOK_SECONDS))
        await self._drain(loop)

    async def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        end = loop.time() + self.timeout
        while self._unfinished and loop.time() < end:
            for target in self.targets:
                target.expire(loop.time())
            await asyncio.sleep(TICK_SECONDS)
        for target in self.targets:
            target.close()
        self._flush(sys.maxsize)

    def _send(self, target: Target, due: float) -> None:
        interval = self._interval(due)
        if self._unanswered >= self._most:
            self._tally(interval).held += 1
            return
        self._unanswered += 1
        self._unfinished[interval] += 1
        target.dispatch(due)

    def _interval(self, due: float) -> int:
        return int((due + self._wall) / INTERVAL_SECONDS)

    def _record(self, due: float, version: str, failure: str) -> None:
        interval = self._interval(due)
        tally = self._tally(interval)
        tally.sent += 1
        if failure:
            tally.failures[failure] += 1
        else:
            tally.versions[version] += 1
            tally.latencies.append((asyncio.get_running_loop().time() - due) * 1000)
        self._unanswered -= 1
        self._unfinished[interval] -= 1
        if not self._unfinished[interval]:
            del self._unfinished[interval]

    def _tally(self, interval: int) -> Tally:
        tally = self._tallies.get(interval)
        if tally is None:
            tally = self._tallies[interval] = Tally(at=interval * INTERVAL_SECONDS)
        return tally

    def _flush(self, now: int) -> None:
        """Report the tallies of past intervals. Late answers follow in further tallies."""
        for interval in sorted(i for i in self._tallies if i < now):
            self.report(self._tallies.pop(interval))


def _print(tally: Tally) -> None:
    print(json.dumps(tally.to_json(), separators=(",", ":")), flush=True)


async def _main(targets: list[tuple[str, float]], most: int | None) -> None:
    load = Load(targets, _print, most=most)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, load.stopping.set)
    # Ctrl-C reaches the whole process group, but our parent decides when the load ends.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    loop.add_reader(sys.stdin.fileno(), _stop_at_end, load)
    await load.run()


def _stop_at_end(load: Load) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        load.stopping.set()


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Constant load; prints one line of JSON per interval."
    )
    parser.add_argument("target", nargs="+", help="URL=REQUESTS_PER_SECOND")
    parser.add_argument("--most", type=int, help="hold requests back while so many have no answer")
    given = parser.parse_args()
    targets = []
    for text in given.target:
        url, _, rate = text.rpartition("=")
        targets.append((url, float(rate)))
    try:
        asyncio.run(_main(targets, given.most))
    except BrokenPipeError:
        # The reader of our tallies has gone: there is no reason to continue.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
