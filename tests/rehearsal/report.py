"""What the rehearsal of AWS has seen, as docs/rehearsal-aws.md."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.support.machine import REPOSITORY

PAGE = REPOSITORY / "docs" / "rehearsal-aws.md"
WRITES = "TEAL_REHEARSAL_REPORT"
"""The variable with which the page is written: by `make rehearse-aws`."""
BEGIN = "<!-- begin: made by make rehearse-aws -->"
END = "<!-- end -->"


@dataclass
class Report:
    """Steps, and after how many seconds each was done."""

    clock: Callable[[], float] = time.monotonic
    steps: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._began = self.clock()

    def step(self, what: str) -> None:
        self.steps.append((self.clock() - self._began, what))
        print(f"{self.steps[-1][0]:.0f} s: {what}", flush=True)

    def text(self, day: str) -> str:
        """The part of the page that is made."""
        rows = [f"| {seconds:.0f} | {what} |" for seconds, what in self.steps]
        head = f"On {day}, on two cores:"
        return "\n".join([BEGIN, head, "", "| after s | |", "|---|---|", *rows, END])

    def write(self) -> None:
        """Put it into the page, if that is wanted."""
        if not os.environ.get(WRITES):
            return
        before, _, rest = PAGE.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(before + self.text(f"{datetime.now(UTC):%Y-%m-%d}") + after)
