"""What is waited for, on standard error: whatever takes more than a second says so.

In a terminal it is one line with the time that has passed, which is taken away at the end.
Elsewhere it is a plain line after ten seconds, and then less and less often.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from tealmesh.model.errors import TealError

AFTER_SECONDS = 1.0
"""What is over sooner is not worth a line."""
PLAIN_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 60.0
_REDRAWN_SECONDS = 0.25
_OPERATIONS = {
    "Apply": "making what teal.toml describes",
    "Remove": "removing it",
    "Shutdown": "stopping the control plane",
    "GetConvergence": "waiting until every Envoy has acknowledged it",
    "SetWeights": "setting the weights",
    "Backtest": "judging past deployments by these gates",
    "GetEvidence": "collecting the evidence",
    "PlanDeployment": "planning the deployment",
    "PlanGroup": "planning the deployments",
}


def answer_of(operation: str) -> str:
    """What is said while the control plane performs an operation of its API."""
    return _OPERATIONS.get(operation, "waiting for the control plane's answer")


class Waiting:
    """Tells what is waited for, until it is closed. ``words``: the first of it."""

    def __init__(
        self, words: str, out: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._words = words
        self._out = out
        self._clock = clock
        self.drawn = draws(out)
        self._shown = False
        self._lock = threading.Lock()
        self._start()

    def _start(self) -> None:
        self._began = self._clock()
        self._next = self._began + (AFTER_SECONDS if self.drawn else PLAIN_SECONDS)

    def now(self, words: str) -> None:
        """Something else is waited for, as a part of the same."""
        with self._lock:
            self._words = words

    def begin(self, words: str) -> None:
        """Something else is waited for, and the time begins anew."""
        with self._lock:
            self._take_away()
            self._words = words
            self._start()

    def say(self, line: str) -> None:
        """Print a line that stays."""
        with self._lock:
            self._take_away()
            print(line, file=self._out, flush=True)

    def tick(self) -> None:
        """Show what is due by now."""
        with self._lock:
            now = self._clock()
            if now < self._next:
                return
            line = f"{self._words} · {passed(now - self._began)}"
            if self.drawn:
                columns = shutil.get_terminal_size().columns
                self._out.write(f"\r\x1b[K{_fitting(line, columns - 1)}")
                self._out.flush()
                self._shown = True
                self._next = now + _REDRAWN_SECONDS
            else:
                print(f"still {line}", file=self._out, flush=True)
                self._next = now + min(LONGEST_PAUSE_SECONDS, now - self._began)

    def close(self) -> None:
        """Nothing is waited for any more."""
        with self._lock:
            self._take_away()

    def _take_away(self) -> None:
        if self._shown:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._shown = False


_screen: list[Waiting | None] = []
"""Whose line it is now; None while something else draws there. There is one standard error."""


@contextlib.contextmanager
def waiting(words: str) -> Iterator[Waiting]:
    """While this goes on, standard error says what is waited for, such as ``starting the control
    plane``. What is a part of something that is told already is not told.
    """
    told = Waiting(words, sys.stderr)
    if _screen:
        yield _screen[-1] or told
        return
    ended = threading.Event()

    def tick() -> None:
        # The terminal may go away meanwhile, and that must not be told there.
        with contextlib.suppress(OSError, ValueError):
            while not ended.wait(_REDRAWN_SECONDS):
                told.tick()

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    _screen.append(told)
    try:
        yield told
    finally:
        _screen.pop()
        ended.set()
        thread.join()
        with contextlib.suppress(OSError, ValueError):
            told.close()


@contextlib.contextmanager
def looking(look: Callable[[], None], every: float = 2.0) -> Iterator[None]:
    """While this goes on, look again and again; that a look fails is no matter."""
    ended = threading.Event()

    def again() -> None:
        while not ended.wait(every):
            with contextlib.suppress(TealError):
                look()

    threading.Thread(target=again, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """While this goes on, nothing is said: what draws on the terminal says it itself."""
    _screen.append(None)
    try:
        yield
    finally:
        _screen.pop()


def draws(out: TextIO) -> bool:
    """Whether a line can be taken away again there."""
    return out.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def passed(seconds: float) -> str:
    """``12 s`` or ``2 min 5 s``."""
    whole = int(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def _fitting(line: str, columns: int) -> str:
    """In one line of the terminal, however wide its characters are."""
    from rich.cells import cell_len, set_cell_size

    line = " ".join(line.split())
    return line if cell_len(line) <= columns else set_cell_size(line, max(0, columns))
