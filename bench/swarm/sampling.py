"""A profiler that looks where the program is each few milliseconds of its CPU time, so that others
may have the machine, and small functions cost what they cost without it.
"""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

_EVERY_SECONDS = 0.001
"""The kernel's ticks may make it more."""
_DEEPEST = 60
_LISTED = 70

_Place = tuple[str, str]
"""File and function."""


class Sampler:
    """Of the main thread."""

    def __init__(self) -> None:
        self._own: Counter[tuple[CodeType, int]] = Counter()
        """Looks by what ran, and at which line."""
        self._within: Counter[CodeType] = Counter()
        """By what ran or waited for what it had called."""
        self._looks = 0

    def start(self) -> None:
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, _EVERY_SECONDS, _EVERY_SECONDS)

    def stop(self, path: Path) -> None:
        """Look no more, and write what was seen."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        path.write_text(self._text())

    def _look(self, number: int, frame: FrameType | None) -> None:
        if frame is None:
            return
        self._looks += 1
        self._own[frame.f_code, frame.f_lineno] += 1
        seen: set[CodeType] = set()
        at: FrameType | None = frame
        while at is not None and len(seen) < _DEEPEST:
            seen.add(at.f_code)
            at = at.f_back
        self._within.update(seen)

    def _text(self) -> str:
        own: Counter[_Place] = Counter()
        for (code, _), count in self._own.items():
            own[_place(code)] += count
        within: Counter[_Place] = Counter()
        for code, count in self._within.items():
            within[_place(code)] += count
        lines: Counter[_Place] = Counter()
        for (code, line), count in self._own.items():
            lines[_place(code)[0], f"{code.co_name}:{line}"] += count
        parts = {"in itself": own, "with what it calls": within, "by line": lines}
        return "\n".join(self._table(name, counts) for name, counts in parts.items())

    def _table(self, name: str, counts: Counter[_Place]) -> str:
        rows = [f"{name}, of {self._looks} looks"]
        for (file, what), count in counts.most_common(_LISTED):
            rows.append(f"{100 * count / max(1, self._looks):6.2f} %  {file} {what}")
        return "\n".join(rows) + "\n"


def _place(code: CodeType) -> _Place:
    return "/".join(Path(code.co_filename).parts[-2:]), code.co_name
