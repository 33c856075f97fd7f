"""What a task's connections to 169.254.170.2 may cost; needs no containers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

from tealmesh.engine.runtimes.docker.network.relay import MOST, Relays
from tests.support.waiting import until

ONE, OTHER = Path("tasks/one"), Path("tasks/other")


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
    writer.close()


def _asked(port: int, stack: contextlib.ExitStack) -> socket.socket | None:
    """A connection that is answered; None for one that is refused."""
    near = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
    with contextlib.suppress(ConnectionError):
        near.sendall(b"x")
        return near if near.recv(1) else None
    return None


def _scenario(one: int, other: int) -> None:
    with contextlib.ExitStack() as stack:
        held = [_asked(one, stack) for _ in range(MOST)]
        assert None not in held
        assert [_asked(one, stack) for _ in range(5)] == [None] * 5
        assert _asked(other, stack)
        assert held[0] is not None
        held[0].close()
        assert until(lambda: _asked(one, stack))


def test_a_task_has_so_many_connections_and_others_theirs() -> None:
    async def main() -> None:
        target = await asyncio.start_server(_echo, "127.0.0.1", 0)
        relays = Relays(target.sockets[0].getsockname())
        ports = []
        for task in (ONE, OTHER):
            listener = socket.create_server(("127.0.0.1", 0))
            ports.append(listener.getsockname()[1])
            await relays.serve(task, listener)
        await asyncio.to_thread(_scenario, *ports)
        for task in (ONE, OTHER):
            await relays.close(task)
        await relays.close_all()
        target.close()

    asyncio.run(main())
