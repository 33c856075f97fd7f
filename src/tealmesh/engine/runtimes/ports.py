"""Whether something listens at an address of this machine or of a task."""

from __future__ import annotations

import asyncio
import contextlib

_TIMEOUT_SECONDS = 2.0


async def connect_problem(address: str, port: int) -> str:
    """Connect by TCP; why that is not possible, or an empty text."""
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            _, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return f"nothing listens on {address}:{port}"
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return ""
