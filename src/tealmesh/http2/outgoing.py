"""What leaves on a connection: what follows from one read is written at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tealmesh.http2 import frames
from tealmesh.http2.frames import Code

_PING = b"tealmesh"
_MOST_OUT = 64 * 1024
"""Bytes that wait for more that follows from the same read."""


class Outgoing(asyncio.Protocol):
    """The half of a connection that writes."""

    __slots__ = ("_loop", "_out", "_out_size", "_transport", "paused", "pinged_at", "window")

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self.window = frames.FIRST_WINDOW
        """Bytes that the client still takes on all its streams."""
        self.paused = False
        """Whether the client does not take what was sent already."""
        self.pinged_at: float | None = None
        """Since when the client owes the answer to a ping."""
        self._loop = asyncio.get_running_loop()
        self._out: list[bytes] | None = None
        """What is sent while something is read; None while nothing is."""
        self._out_size = 0

    def send(self, data: bytes) -> None:
        """Send frames."""
        out = self._out
        if out is None:
            self._transport.write(data)
            return
        out.append(data)
        self._out_size += len(data)
        if self._out_size > _MOST_OUT:
            self._write(out)

    def reset(self, number: int, code: Code) -> None:
        """End a stream."""
        self.send(frames.frame(frames.RESET, 0, number, int(code).to_bytes(4)))

    def gather(self) -> None:
        """Keep what is sent from now on until `leave`."""
        if self._out is None:
            self._out, self._out_size = [], 0

    def leave(self) -> None:
        """Write what was gathered, and gather no more."""
        out, self._out = self._out, None
        if out:
            self._write(out)

    def ping(self) -> None:
        """Ask whether the client is still there."""
        self.pinged_at = time.monotonic()
        self.send(frames.frame(frames.PING, 0, 0, _PING))

    def abort(self) -> None:
        """End it at once."""
        self._transport.abort()

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Act in so many seconds."""
        self._loop.call_later(seconds, act)

    def close(self) -> None:
        """End the connection once all that was sent is on its way."""
        self.leave()
        self._transport.close()

    def _write(self, out: list[bytes]) -> None:
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        self._out_size = 0
        self._transport.write(data)


def peer_of(transport: asyncio.BaseTransport) -> str:
    """As gRPC writes it: ``ipv4:127.0.0.1:4711``, ``ipv6:[::1]:4711`` or ``unix:``."""
    name = transport.get_extra_info("peername")
    if not isinstance(name, tuple):
        return "unix:"
    host, port = name[:2]
    return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"


def authentication(transport: asyncio.BaseTransport) -> dict[str, list[bytes]]:
    """What the client's certificate says, as gRPC's authentication context has it."""
    certificate = transport.get_extra_info("peercert")
    if not certificate:
        return {}
    names = [value.encode() for _, value in certificate.get("subjectAltName", ())]
    return {"x509_subject_alternative_name": names, "transport_security_type": [b"ssl"]}
