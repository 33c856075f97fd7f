"""What anybody tried who can open a socket, before it is known who that is."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from tealmesh.aws.callers import connections
from tealmesh.model.identity.issued import owner
from tests.security.strangers import NEEDS_ROOT, as_stranger, claimed
from tests.support.planes.control_plane import ControlPlane

_HOST = b"host: 127.0.0.1\r\n"


def answered(port: int, parts: Iterator[bytes] | list[bytes]) -> bytes:
    """What is answered until the connection is closed, to whatever could be sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as near:
        try:
            for part in parts:
                near.sendall(part)
        except OSError:
            pass  # it was closed meanwhile
        received = b""
        try:
            while data := near.recv(65536):
                received += data
        except ConnectionResetError:
            pass
        return received


@pytest.mark.parametrize(
    "head",
    [
        b"x: " + b"a" * connections.MAX_HEAD_BYTES,
        b"".join(b"x%d: a\r\n" % n for n in range(connections.MAX_HEADERS + 2)),
    ],
    ids=["one of 64 KiB", "129 of them"],
)
def test_send_large_or_many_headers(plane: ControlPlane, head: bytes) -> None:
    sent = [b"GET /_teal/health HTTP/1.1\r\n" + _HOST + head, b"\r\n\r\n"]
    assert answered(plane.port, sent).startswith(b"HTTP/1.1 431 ")


def test_send_headers_without_end(plane: ControlPlane) -> None:
    def endless() -> Iterator[bytes]:
        yield b"GET /_teal/health HTTP/1.1\r\n" + _HOST + b"x: "
        for _ in range(10_000):
            yield b"a" * 1000

    assert answered(plane.port, endless()).startswith((b"HTTP/1.1 431 ", b""))


def test_send_what_is_no_http(plane: ControlPlane) -> None:
    assert answered(plane.port, [b"\x16\x03\x01\x00\xa5" * 20]).startswith(b"HTTP/1.1 400 ")


def test_a_request_after_another_has_limits_of_its_own(plane: ControlPlane) -> None:
    one = b"GET /_teal/health HTTP/1.1\r\n" + _HOST + b"x: " + b"a" * 40_000 + b"\r\n"
    last = one + b"connection: close\r\n\r\n"
    assert answered(plane.port, [one + b"\r\n", one + b"\r\n", last]).count(b"HTTP/1.1 200") == 3


@NEEDS_ROOT
def test_hold_more_connections_than_one_may(plane: ControlPlane) -> None:
    code = """
import json, socket, sys
port, count = int(sys.argv[1]), int(sys.argv[2])
held = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
for one in held:
    one.settimeout(20)
    try:
        one.sendall(b"GET /_teal/health HTTP/1.1\\r\\nhost: 127.0.0.1\\r\\n\\r\\n")
    except OSError:
        pass
def first(one):
    try:
        return one.recv(12).decode()
    except OSError:
        return "closed"
print(json.dumps([first(one) for one in held]))
"""
    limit = connections.MAX_STRANGERS // 2
    said = json.loads(as_stranger("/usr/bin/python3", "-c", code, str(plane.port), str(limit + 9)))
    assert said.count("HTTP/1.1 200") <= limit
    assert plane.client("ecs").list_clusters()


@NEEDS_ROOT
def test_send_a_large_body_unsigned(plane: ControlPlane) -> None:
    """It is refused by its head, and not read."""
    head = "".join(f"{k}: {v}\r\n" for k, v in claimed("s3").items())
    code = """
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.settimeout(20)
s.sendall(sys.stdin.buffer.read())
print(s.recv(12).decode())
"""
    raw = f"PUT /b/k HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100000000\r\n{head}\r\nbegin"
    assert (
        as_stranger("/usr/bin/python3", "-c", code, str(plane.port), text=raw) == "HTTP/1.1 403\n"
    )


def test_a_wrong_signature_is_refused_before_the_body(plane: ControlPlane) -> None:
    """Where the body's hash is signed, as SDKs do for S3: the body may be large."""
    key = owner(plane.directory / "data").key_id
    signed = {**claimed("s3", key), "x-amz-content-sha256": "0" * 64}
    signed["authorization"] = signed["authorization"].replace(
        "host;x-amz-date", "host;x-amz-content-sha256;x-amz-date"
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
    raw = f"PUT /b/k HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100000000\r\n{head}\r\n"
    with socket.create_connection(("127.0.0.1", plane.port), timeout=20) as near:
        near.sendall(raw.encode())
        assert near.recv(12) == b"HTTP/1.1 403"
