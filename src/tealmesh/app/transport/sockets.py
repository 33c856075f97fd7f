"""Sockets that listen."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from tealmesh.model.errors import TealError
from tealmesh.model.plane.listening import Address


@contextlib.contextmanager
def listen_at(at: Address, option: str, named: str = "") -> Iterator[socket.socket]:
    """A socket that listens at an address, which the error calls ``named``. Raises TealError if it
    cannot be used.
    """
    family = socket.AF_INET6 if at.is_v6 else socket.AF_INET
    # Without IPPROTO_TCP asyncio does not set TCP_NODELAY: each answer waits 40 ms for an ACK.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((at.host, at.port))
            listener.listen(256)
        except OSError as error:
            raise TealError(
                f"{named or at} cannot be used ({error.strerror}): choose another with {option}"
            ) from error
        yield listener
