"""The load generator notices every kind of loss: these servers lose requests in each way."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from tealmesh.cli.demo.load import Load, Tally, check_answer
from tests.support.machine import free_port

GOOD = b'HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{"version":"1"}'
Behave = Callable[[int, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Seen:
    """What a server saw."""

    requests: int = 0
    connections: int = 0


async def ask(
    behave: Behave, seconds: float = 0.4, rate: float = 50.0, most: int | None = None
) -> tuple[Tally, Seen]:
    """The sum of all tallies of a load on a server that answers its n-th request by ``behave``."""
    seen = Seen()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        try:
            while not writer.is_closing():
                await reader.readuntil(b"\r\n\r\n")
                seen.requests += 1
                await behave(seen.requests, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    total = Tally(at=0.0)

    def add(tally: Tally) -> None:
        total.sent += tally.sent
        total.versions += tally.versions
        total.failures += tally.failures
        total.latencies += tally.latencies
        total.held += tally.held

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    load = Load([(f"http://127.0.0.1:{port}/", rate)], add, timeout=3.0, most=most)
    running = asyncio.ensure_future(load.run())
    await asyncio.sleep(seconds)
    load.stopping.set()
    await running
    server.close()
    return total, seen


async def good(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GOOD)


def every_third(bad: Behave) -> Behave:
    async def behave(
        number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await (bad if number % 3 == 0 else good)(number, reader, writer)

    return behave


def test_a_good_server_loses_nothing() -> None:
    total, seen = asyncio.run(ask(good))
    assert total.failures == Counter()
    assert total.versions == {"1": seen.requests}
    assert total.sent == len(total.latencies) == seen.requests
    assert seen.requests >= 5


def test_connections_are_kept() -> None:
    total, seen = asyncio.run(ask(good, seconds=1.0, rate=100.0))
    assert total.sent == seen.requests >= 50
    assert seen.connections <= seen.requests / 3


def test_requests_are_held_back_while_too_many_have_no_answer() -> None:
    async def late(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            await asyncio.sleep(1.0)
        await good(number, reader, writer)

    total, seen = asyncio.run(ask(late, seconds=1.2, rate=50.0, most=1))
    assert total.held >= 20
    assert total.failures == Counter()
    assert 1 < total.sent == seen.requests
    assert asyncio.run(ask(good))[0].held == 0


async def reset(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def close(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def truncate(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GOOD[:-4])
    writer.close()


async def half_head(
    number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(GOOD[:20])
    writer.close()


async def unavailable(
    number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")


async def silent(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def stalled_body(
    number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(GOOD[:-4])
    await reader.read(1)


async def wrong_body(
    number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")


async def not_http(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (reset, "connection lost: ConnectionResetError"),
        (close, "connection closed early"),
        (truncate, "connection closed early"),
        (half_head, "connection closed early"),
        (unavailable, "status 503"),
        (silent, "timeout"),
        (stalled_body, "timeout"),
        (wrong_body, "body without a version"),
        (not_http, "not HTTP"),
    ],
)
def test_each_kind_of_loss_is_counted(bad: Behave, reason: str) -> None:
    total, seen = asyncio.run(ask(every_third(bad)))
    lost = sum(total.failures.values())
    assert seen.requests >= 6
    # abort() may show as an orderly end where the kernel had nothing unread
    assert all(reason in found or bad is reset for found in total.failures), total.failures
    assert lost == seen.requests // 3
    assert total.versions == {"1": seen.requests - lost}
    assert total.sent == seen.requests


def test_no_server_at_all() -> None:
    async def run() -> Counter[str]:
        failures: Counter[str] = Counter()
        url = f"http://127.0.0.1:{free_port()}/"
        load = Load([(url, 50.0)], lambda tally: failures.update(tally.failures), timeout=0.5)
        running = asyncio.ensure_future(load.run())
        await asyncio.sleep(0.2)
        load.stopping.set()
        await running
        return failures

    failures = asyncio.run(run())
    assert set(failures) == {"connect: ConnectionRefusedError"}
    assert sum(failures.values()) >= 3


def test_an_answer_that_comes_after_its_connection_is_closed_by_the_server_is_good() -> None:
    async def last(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, _, body = GOOD.partition(b"\r\n\r\n")
        writer.write(head + b"\r\nconnection: close\r\n\r\n" + body)
        writer.close()

    total, seen = asyncio.run(ask(every_third(last)))
    assert total.failures == Counter()
    assert total.versions == {"1": seen.requests}


def test_a_stall_is_seen_by_every_request_that_it_delays() -> None:
    """All requests that become due while the server sleeps wait, not only the first."""

    async def main() -> Tally:
        gate = asyncio.Event()

        async def stall(
            number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await gate.wait()
            writer.write(GOOD)

        asyncio.get_running_loop().call_later(0.3, gate.set)
        total, _ = await ask(stall, seconds=0.6, rate=50.0)
        return total

    total = asyncio.run(main())
    assert total.failures == Counter()
    # 15 requests are due in the first 0.3 s, a third of them in its first tenth of a second
    assert sum(ms > 200 for ms in total.latencies) >= 4
    assert sum(ms > 100 for ms in total.latencies) >= 8


def test_as_a_process_until_its_input_ends() -> None:
    async def main() -> list[Tally]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while await reader.readuntil(b"\r\n\r\n"):
                    writer.write(GOOD)
            except asyncio.IncompleteReadError:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tealmesh.cli.demo.load",
            f"{url}=100",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        lines: list[bytes] = []
        while sum(json.loads(line)["sent"] for line in lines) < 10:
            lines.append(await process.stdout.readline())
        stdout, _ = await process.communicate(b"")
        server.close()
        assert process.returncode == 0
        return [Tally.from_json(json.loads(line)) for line in [*lines, *stdout.splitlines()]]

    tallies = asyncio.run(main())
    assert sum(tally.sent for tally in tallies) >= 10
    assert all(tally.failures == Counter() for tally in tallies)


@pytest.mark.parametrize(
    ("status", "body", "version", "failure"),
    [
        (200, b'{"version": "2", "task": "a"}', "2", ""),
        (500, b'{"version": "2"}', "", "status 500"),
        (404, b"", "", "status 404"),
        (200, b"hello", "", "body is not JSON"),
        (200, b"[]", "", "body without a version"),
        (200, b'{"version": 2}', "", "body without a version"),
        (200, b"", "", "body is not JSON"),
    ],
)
def test_answers(status: int, body: bytes, version: str, failure: str) -> None:
    assert check_answer(status, body) == (version, failure)
