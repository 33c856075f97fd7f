"""`teal load`: what it sends, what it counts, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.cli.load.summary import Summary, lines
from tests.cli.command_line import assert_one_line, teal
from tests.support.machine import BIN, free_port


class Answer(BaseHTTPRequestHandler):
    """Every fourth answer is a 503, and says that version 2 gave it."""

    protocol_version = "HTTP/1.1"
    seen: Counter[str]

    def do_GET(self) -> None:
        self.seen.update([f"{self.path} {self.headers['host']} {self.headers['x-who']}"])
        bad = sum(self.seen.values()) % 4 == 0
        self.send_response(503 if bad else 200)
        self.send_header("X-Version", "2" if bad else "1")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def server() -> Iterator[tuple[str, Counter[str]]]:
    seen: Counter[str] = Counter()
    handler = type("Answers", (Answer,), {"seen": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{http.server_address[1]}", seen
        http.shutdown()


def test_what_is_sent_is_what_is_counted() -> None:
    with server() as (address, seen):
        arguments = ["--rate", "200", "--time", "0.5", "-H", "Host: web.example", "-H", "x-who: me"]
        done = teal("load", f"{address}/a?b=c", *arguments, "--json")
    assert done.returncode == 1, done.stderr
    summary = json.loads(done.stdout)
    assert set(seen) == {"/a?b=c web.example me"}
    total = sum(seen.values())
    assert summary["requests"] == total
    assert summary["failed"] == summary["statuses"]["503"] == summary["failures"]["status 503"]
    assert sum(summary["statuses"].values()) == sum(summary["versions"].values()) == total
    assert summary["failed"] == total // 4
    assert 0 < summary["p50"] <= summary["p99"] <= summary["max"]


def test_ctrl_c_prints_the_summary() -> None:
    with server() as (address, seen):
        process = subprocess.Popen(
            [str(BIN / "teal"), "load", address, "--rate", "100"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        waiting = threading.Event()
        while sum(seen.values()) < 4:
            assert process.poll() is None
            waiting.wait(0.01)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert stderr == ""
    assert stdout.startswith(f"http://{address}\n")
    assert "  version    1: " in stdout
    assert "  latency    p50 " in stdout


def test_what_nobody_answers() -> None:
    port = free_port()
    assert_one_line(teal("load", f"127.0.0.1:{port}"), f"nothing answers at 127.0.0.1:{port}")
    assert_one_line(teal("load", "http://no.invalid/"), "'no.invalid' does not resolve")


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://h:p/", "http://h/a b", "http://h:0"])
def test_a_wrong_address(url: str) -> None:
    done = teal("load", url)
    assert done.returncode == 2
    assert "must be an address such as" in done.stderr


def test_a_header_cannot_carry_another() -> None:
    done = teal("load", "127.0.0.1", "-H", "a: b\r\nc: d")
    assert done.returncode == 2
    assert "must be 'NAME: VALUE'" in done.stderr


@given(st.lists(st.floats(0, 1e5), min_size=1), st.floats(0, 1))
def test_quantiles_are_those_of_the_latencies(latencies: list[float], share: float) -> None:
    summary = Summary("x-version")
    summary.add(len(latencies), {}, latencies)
    found = summary.quantile(share)
    assert found is not None
    ordered = sorted(latencies)
    below = ordered[max(0, -(-len(ordered) * share // 1).__int__() - 1)]
    assert found == pytest.approx(below, rel=0.01)


@given(st.dictionaries(st.integers(200, 599), st.integers(1, 10**9), max_size=8))
def test_the_summary_fits_a_narrow_terminal(statuses: dict[int, int]) -> None:
    summary = Summary("x-version", requests=sum(statuses.values()))
    summary.statuses.update(statuses)
    assert all(len(line) <= 80 for line in lines(summary, "http://127.0.0.1:9080/", 12.5))
