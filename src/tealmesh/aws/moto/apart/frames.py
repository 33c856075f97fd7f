"""What goes between the control plane and moto's process: one question, one answer, in frames.

A frame is the lengths of its two parts (32 and 64 bits, big-endian), a head in JSON and a body.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from typing import Literal, TypedDict

from tealmesh.aws.wire.codec import Request, Response

_LENGTHS = struct.Struct(">IQ")
MAX_HEAD_BYTES = 1 << 20
"""Of the head: the headers of a request have 64 KiB."""

MAX_BODY_BYTES = 512 << 20
"""Of the body, an object of S3 at most. Larger ones can be read in ranges."""

_PIECE = 1 << 20


class Question(TypedDict, total=False):
    """The head of a question. Its body is that of the request."""

    kind: Literal["load", "answer", "certificate", "key"]
    service: str | None
    method: str
    path: str
    query: str
    headers: dict[str, str]
    request_id: str
    name: str
    """The ARN of the certificate, or the id of the key."""


class KeyFields(TypedDict):
    """An `IamKey`."""

    key_id: str
    secret: str
    arn: str
    decides: str
    token: str
    expires: float
    tagged: bool
    status: Literal["Active", "Inactive"]


class Answer(TypedDict, total=False):
    """The head of an answer. Its body is that of the response."""

    status: int
    headers: dict[str, str]
    problem: str
    """Why there is none."""
    certificate: str
    issuers: str
    private_key: str
    """Of the certificate."""
    key: KeyFields
    """The access key; absent if there is none."""


def question(request: Request, service: str | None, request_id: str) -> Question:
    """The head for a request of an API."""
    return Question(
        kind="answer",
        service=service,
        method=request.method,
        path=request.path,
        query=request.query,
        headers=dict(request.headers),
        request_id=request_id,
    )


def request_of(head: Question, body: bytes) -> Request:
    return Request(head["method"], head["path"], head["query"], head["headers"], body)


def response_of(head: Answer, body: bytes) -> Response:
    return Response(head["status"], head["headers"], body)


def packed(head: Question | Answer, size: int) -> bytes:
    """The beginning of a frame, before a body of ``size`` bytes."""
    text = json.dumps(head).encode()
    return _LENGTHS.pack(len(text), size) + text


def send(channel: socket.socket, head: Answer, body: bytes) -> None:
    """Send a frame. Blocking. Raises OSError."""
    channel.sendall(packed(head, len(body)))
    channel.sendall(body)


def receive(channel: socket.socket) -> tuple[Question, bytes]:
    """Wait for a frame. Blocking. Raises EOFError at the end, and OSError."""
    head, body = _lengths(_exactly(channel, _LENGTHS.size))
    question: Question = json.loads(_exactly(channel, head))
    return question, bytes(_exactly(channel, body))


async def exchange(channel: socket.socket, head: Question, body: bytes) -> tuple[Answer, bytes]:
    """Send a question and wait for its answer. Raises EOFError if the other side ends, and OSError.
    Cancelled, it leaves the channel unusable.
    """
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(channel, packed(head, len(body)))
    await loop.sock_sendall(channel, body)
    sizes = _lengths(await _all(channel, _LENGTHS.size))
    answer: Answer = json.loads(await _all(channel, sizes[0]))
    return answer, bytes(await _all(channel, sizes[1]))


def _lengths(raw: bytes | bytearray) -> tuple[int, int]:
    head, body = _LENGTHS.unpack(raw)
    if head > MAX_HEAD_BYTES or body > MAX_BODY_BYTES:
        raise EOFError(f"a frame of {head} and {body} bytes")
    return head, body


def _exactly(channel: socket.socket, size: int) -> bytearray:
    whole = bytearray()
    while len(whole) < size:
        piece = channel.recv(min(size - len(whole), _PIECE))
        if not piece:
            raise EOFError("the other side has ended")
        whole += piece
    return whole


async def _all(channel: socket.socket, size: int) -> bytearray:
    loop, whole = asyncio.get_running_loop(), bytearray()
    while len(whole) < size:
        piece = await loop.sock_recv(channel, min(size - len(whole), _PIECE))
        if not piece:
            raise EOFError("the other side has ended")
        whole += piece
    return whole
