"""The sample's programs, run as the engine runs them, over real sockets."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.machine import free_port

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample"


@contextmanager
def program(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=SAMPLE,
        env={"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": str(port), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("listening")
        yield process, port
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def get(port: int, path: str = "/") -> tuple[int, dict[str, str], dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), json.loads(response.read())
    finally:
        connection.close()


def test_web_answers_its_version_and_task() -> None:
    with program("app.py", "--version", "2") as (_, port):
        status, headers, body = get(port)
        assert (status, body) == (200, {"version": "2", "task": "127.0.0.1"})
        assert headers["x-version"] == "2"
        assert get(port, "/health")[0] == 200


def test_web_keeps_connections_and_answers_pipelined_requests_in_turn() -> None:
    with program("app.py") as (_, port), socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(10)
        client.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /health HTTP/1.1\r\nho")
        client.sendall(b"st: a\r\n\r\nGET / HTTP/1.1\r\nconnection: close\r\n\r\n")
        received = b""
        while chunk := client.recv(65536):
            received += chunk
        assert received.count(b"HTTP/1.1 200 OK") == 3
        assert received.count(b"connection: close") == 1
        assert received.index(b'"ok"') > received.index(b'"version"')


def test_a_bad_version_fails_its_share_but_not_its_health() -> None:
    with program("app.py", "--version", "3", "--fail", "1") as (_, port):
        assert get(port)[0] == 500
        assert get(port, "/health")[0] == 200


def test_web_ends_at_sigterm() -> None:
    with program("app.py") as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/")
        assert connection.getresponse().read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert connection.sock is not None
        assert connection.sock.recv(1) == b""
        connection.close()


class Backend(threading.Thread):
    """In place of a proxy or a service: gives ``answers`` in turn and keeps the requests."""

    def __init__(self, answers: list[bytes]) -> None:
        super().__init__()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(20)
        self.answers = answers
        self.requests: list[bytes] = []
        self.connections = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self) -> None:
        with self.listener:
            while self.answers:
                connection, _ = self.listener.accept()
                self.connections += 1
                with connection:
                    self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        while self.answers:
            request = connection.recv(65536)
            if not request:
                return
            self.requests.append(request)
            answer = self.answers.pop(0)
            connection.sendall(answer)
            if b"connection: close" in answer or not answer:
                return


BODY = b'{"version": "2", "task": "b"}'
GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 29\r\n\r\n" + BODY
CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"5\r\n" + BODY[:5] + b"\r\n18;x=y\r\n" + BODY[5:] + b"\r\n0\r\n\r\n"
)


def test_front_asks_its_proxy_for_the_whole_url() -> None:
    backend = Backend([GOOD, CHUNKED, b"HTTP/1.1 503 Unavailable\r\ncontent-length: 2\r\n\r\n{}"])
    backend.start()
    environment = {
        "HTTP_PROXY": f"http://{backend.address}",
        "BACKEND": "http://web.sample.local:8080/",
    }
    with program("front.py", **environment) as (_, port):
        assert get(port)[::2] == (200, {"version": "2", "task": "b"})
        assert get(port)[::2] == (200, {"version": "2", "task": "b"})
        assert get(port)[0] == 503
        assert get(port, "/health")[0] == 200
    backend.join(20)
    assert backend.connections == 1
    head = backend.requests[0].split(b"\r\n")
    assert head[0] == b"GET http://web.sample.local:8080/ HTTP/1.1"
    assert b"host: web.sample.local:8080" in head


def test_front_without_a_proxy_asks_the_server_itself() -> None:
    last = GOOD.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1)
    backend = Backend([last, GOOD])
    backend.start()
    with program("front.py", BACKEND=f"http://{backend.address}/a") as (_, port):
        assert get(port)[0] == 200
        assert get(port)[0] == 200
    backend.join(20)
    assert backend.connections == 2
    assert backend.requests[0].startswith(b"GET /a HTTP/1.1\r\n")


def test_front_does_not_hide_a_loss() -> None:
    backend = Backend([b"", GOOD[:-5]])
    backend.start()
    with program("front.py", BACKEND=f"http://{backend.address}/") as (_, port):
        status, _, body = get(port)
        assert status == 502
        assert "IncompleteReadError" in body["error"]
        assert get(port)[0] == 502
    backend.join(20)
    with program("front.py", BACKEND=f"http://127.0.0.1:{free_port()}/") as (_, port):
        status, _, body = get(port)
        assert (status, "ConnectionRefusedError" in body["error"]) == (502, True)


def test_two_programs_cannot_share_a_port_silently() -> None:
    with program("app.py") as (_, port):
        second = subprocess.run(
            [sys.executable, "app.py"],
            cwd=SAMPLE,
            env={"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert second.returncode != 0
