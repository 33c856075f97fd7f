"""What each test costs the processor: its own process and all that it has started, forked or left
behind, by a control group for each worker.

With ``TEALMESH_TEST_COST`` in the environment, as root on Linux (``make test-cost``): a table at
the end of the run, and all figures in the file that the variable names. Containers are in groups of
their engine's, and not counted.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest
from xdist.workermanage import WorkerController

ROOTS = (
    (Path("/sys/fs/cgroup/cpuacct"), "cpuacct.usage", 1e-9),
    (Path("/sys/fs/cgroup"), "cpu.stat", 1e-6),
)
"""Where groups are made (version 1, 2), the file that counts, and its unit in seconds."""
SHOWN = 25


class Cost:
    """Counts for each test, in the process that runs it; adds up, in the one that reports."""

    def __init__(self, written: Path) -> None:
        self.written = written
        self.seconds: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
        self.collected: list[float] = []
        """Of each worker: from its start to the last test that it has found."""
        self.last = 0.0
        self.group: Path | None = None

    def begin(self) -> None:
        """Move this process into a group of its own; what it starts from now on belongs to it."""
        there = (one for one in ROOTS if (one[0] / one[1]).exists())
        root, self._file, self._unit = next(there, ROOTS[-1])
        for left in root.glob("tealmesh-tests-*"):
            with contextlib.suppress(OSError):  # It is in use.
                left.rmdir()
        group = root / f"tealmesh-tests-{os.getpid()}"
        try:
            group.mkdir()
            (group / "cgroup.procs").write_text(str(os.getpid()))
        except OSError as error:
            raise pytest.UsageError(f"TEALMESH_TEST_COST: no control group: {error}") from error
        self.group = group

    def used(self) -> float:
        """CPU seconds since `begin`."""
        assert self.group is not None
        words = (self.group / self._file).read_text().split()
        return float(words[1] if words[0] == "usage_usec" else words[0]) * self._unit

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if self.group is not None:
            self.collected = [time.process_time()]
            self.last = self.used()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        now = self.used()
        report.user_properties = [*report.user_properties, ("cpu", now - self.last)]
        self.last = now
        return report

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if (output := getattr(session.config, "workeroutput", None)) is not None:
            output["collected"] = self.collected

    def pytest_testnodedown(self, node: WorkerController) -> None:
        self.collected += getattr(node, "workeroutput", {}).get("collected", [])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        place = ("setup", "call", "teardown").index(report.when or "call")
        self.seconds[report.nodeid][place] += dict(report.user_properties).get("cpu", 0.0)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        rows = sorted(self.seconds.items(), key=lambda row: -sum(row[1]))
        self.written.write_text("".join(json.dumps(row) + "\n" for row in rows))
        total = sum(sum(seconds) for _, seconds in rows)
        found = ", ".join(f"{one:.0f}" for one in self.collected)
        terminalreporter.write_sep("=", f"CPU seconds: {total:.0f}, and to find the tests {found}")
        for name, seconds in rows[:SHOWN]:
            each = " + ".join(f"{one:.1f}" for one in seconds)
            terminalreporter.write_line(f"{sum(seconds):7.1f} = {each}  {name}")

    def pytest_unconfigure(self) -> None:
        if self.group is not None:
            (self.group.parent / "cgroup.procs").write_text(str(os.getpid()))
            with contextlib.suppress(OSError):  # What a test has left running keeps it.
                self.group.rmdir()


def register(config: pytest.Config) -> None:
    """Count, if the environment says so."""
    if not (written := os.environ.get("TEALMESH_TEST_COST")):
        return
    cost = Cost(Path(written))
    distributes = getattr(config.option, "numprocesses", None) and not hasattr(
        config, "workerinput"
    )
    if not distributes:
        cost.begin()
    config.pluginmanager.register(cost)
