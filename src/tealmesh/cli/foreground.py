"""What runs in the foreground until a signal: the first asks it to stop, a second one kills it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any


def stop_at_signals(stop: Callable[[], None]) -> None:
    """Call ``stop`` at the first SIGINT or SIGTERM. A second one has its default effect, in case
    something hangs. Needs a running event loop.
    """
    loop = asyncio.get_running_loop()

    def asked(number: signal.Signals) -> None:
        stop()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked, number)


def run(serve: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run ``serve`` until it returns, which it does once its event is set by a signal; then end the
    process, whatever its threads still do.
    """

    async def until_stopped() -> None:
        stop = asyncio.Event()
        stop_at_signals(stop.set)
        await serve(stop)

    asyncio.run(until_stopped())
    # Everything that must last is on disk by now. A thread that still imports moto, which takes
    # seconds on a busy machine, or still asks AWS, would keep the process alive.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)
