"""Requests whose end, or whose host, two programs would read differently: none hides another."""

from __future__ import annotations

import socket

import pytest

from tests.support.planes.control_plane import ControlPlane

HEAD = (
    b"POST / HTTP/1.1\r\nhost: localhost\r\n"
    b"x-amz-target: AmazonEC2ContainerServiceV20141113.ListClusters\r\n"
    b"content-type: application/x-amz-json-1.1\r\n"
)
HIDDEN = b"GET /_teal/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
BODY = b"2\r\n{}\r\n0\r\n\r\n"

REFUSED = {
    "a length and chunks": b"content-length: 6\r\n" + CHUNKED + b"\r\n0\r\n\r\nG",
    "chunks and a length": CHUNKED + b"content-length: 4\r\n\r\n" + BODY,
    "chunks and something else": CHUNKED + b"transfer-encoding: identity\r\n\r\n" + BODY,
    "an encoding that nobody knows": b"transfer-encoding: xchunked\r\n\r\n" + BODY,
    "two lengths": b"content-length: 2\r\ncontent-length: 4\r\n\r\n{}",
    "the same length twice": b"content-length: 2\r\ncontent-length: 2\r\n\r\n{}",
    "a length with a sign": b"content-length: +2\r\n\r\n{}",
    "a negative length": b"content-length: -2\r\n\r\n{}",
    "a length without end": b"content-length: " + b"9" * 30 + b"\r\n\r\n{}",
    "a blank before the colon": b"content-length : 2\r\n\r\n{}",
    "a folded header": b"x-a: b\r\n content-length: 2\r\n\r\n{}",
    "a chunk without end": CHUNKED + b"\r\n" + b"f" * 18 + b"\r\n{}\r\n0\r\n\r\n",
    "many trailers": CHUNKED + b"\r\n2\r\n{}\r\n0\r\n" + b"x: y\r\n" * 3000 + b"\r\n",
}


def answered(port: int, raw: bytes) -> list[bytes]:
    """The status of each answer, until the connection is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as near:
        near.sendall(raw)
        received = b""
        try:
            while part := near.recv(65536):
                received += part
        except ConnectionResetError:
            pass
    return [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize("what", REFUSED)
def test_nothing_is_hidden_behind(plane: ControlPlane, what: str) -> None:
    assert answered(plane.port, HEAD + REFUSED[what] + HIDDEN) in ([b"400"], [b"431"])


@pytest.mark.parametrize("first", [b"localhost", b"evil.test"])
def test_two_hosts(plane: ControlPlane, first: bytes) -> None:
    second = b"evil.test" if first == b"localhost" else b"localhost"
    hosts = b"host: " + first + b"\r\nhost: " + second + b"\r\n"
    raw = b"GET /_teal/health HTTP/1.1\r\n" + hosts + b"connection: close\r\n\r\n"
    assert answered(plane.port, raw) == [b"403"]


def test_requests_in_a_row_are_answered_in_a_row(plane: ControlPlane) -> None:
    """Pipelining, which HTTP/1.1 has: each request is one."""
    one = HIDDEN.replace(b"connection: close\r\n", b"")
    assert answered(plane.port, one * 200 + HIDDEN) == [b"200"] * 201
