"""Simulates the comparing gate, prints what came out and writes it to ``bench/results.json``.

python -m bench.gates             10,000 releases where something is promised, 2,000 elsewhere
python -m bench.gates --quick     a tenth of that; writes nothing

The exit code is 1 if a promise is broken beyond chance.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.gates import rivals
from bench.gates.releases import Outcome, wilson
from bench.gates.rows import Row, rows

RESULTS = Path(__file__).parents[1] / "results.json"
PROMISED, SHOWN = 10_000, 2_000

SECTIONS = {
    "identical": "the new side is as good: rolled back",
    "trouble": "the same, with trouble that both have, or the old side",
    "worse": "the new side fails more often: rolled back",
    "latency": "the new side is as fast, or slower: rolled back",
    "pass": "twice the old side's failures, and just what is allowed: rolled back, and passed",
    "beyond": "beyond what is promised: the new side is as good",
}


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.gates")
    arguments.add_argument("--quick", action="store_true", help="a tenth of the releases")
    quick = arguments.parse_args().quick
    began = time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        wanted = rows()
        outcomes = list(processes.map(_run, wanted, range(len(wanted)), [quick] * len(wanted)))
    broken = [
        f"{row.what} at {row.steps}: {why}"
        for row, outcome in zip(wanted, outcomes, strict=True)
        if (why := row.broken(outcome))
    ]
    console = Console(width=None if sys.stdout.isatty() else 160)
    for section, title in SECTIONS.items():
        console.print(_table(section, title, wanted, outcomes))
    print(f"{sum(o.releases for o in outcomes)} releases, {time.perf_counter() - began:.0f} s")
    for line in broken:
        print(f"BROKEN PROMISE: {line}", file=sys.stderr)
    if not quick:
        _write(wanted, outcomes)
    return 1 if broken else 0


def releases(row: Row, quick: bool) -> int:
    """How many are simulated."""
    promises = (row.at_most, row.at_least, row.within, row.passed_at_most)
    whole = SHOWN if all(promise is None for promise in promises) else PROMISED
    return whole // 10 if quick else whole


def _run(row: Row, seed: int, quick: bool) -> Outcome:
    return row.run(releases(row, quick), seed)


def _table(section: str, title: str, wanted: list[Row], outcomes: list[Outcome]) -> Table:
    table = Table(title=title, title_justify="left", box=None)
    for name in ("what", "steps", "%", "95 %", "min", "promise"):
        table.add_column(name, no_wrap=True)
    with_rivals = section != "latency"
    passes = section in ("identical", "pass")
    for name in (*(rivals.NAMES if with_rivals else ()), *(("passed", "min") if passes else ())):
        table.add_column(name, no_wrap=True)
    for row, outcome in zip(wanted, outcomes, strict=True):
        if row.section != section:
            continue
        low, high = wilson(outcome.failed, outcome.releases)
        cells = [
            row.what,
            row.steps,
            f"{outcome.share * 100:.2f}",
            f"{low * 100:.2f}-{high * 100:.2f}",
            _minutes(outcome.minutes),
            _promise(row),
        ]
        others = outcome.rivals or {}
        if with_rivals:
            cells += [_per_cent(others.get(name)) for name in rivals.NAMES]
        if passes:
            cells += [_per_cent(outcome.passed / outcome.releases), _minutes(outcome.passed_after)]
        table.add_row(*cells)
    return table


def _promise(row: Row) -> str:
    parts = []
    if row.at_most is not None:
        parts.append(f"<= {row.at_most:.0%}")
    if row.at_least is not None:
        parts.append(f">= {row.at_least:.0%}")
    if row.within is not None:
        parts.append(f"{row.within:g} min")
    if row.passed_at_most is not None:
        parts.append(f"passed <= 2 x {row.passed_at_most:.0%}")
    return ", ".join(parts)


def _minutes(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _per_cent(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.1f}"


def _write(wanted: list[Row], outcomes: list[Outcome]) -> None:
    """Into the results of the other benchmarks, with the threshold rule as the baseline."""
    bodies = []
    for row, outcome in zip(wanted, outcomes, strict=True):
        baseline = (outcome.rivals or {}).get(rivals.NAMES[0])
        body: dict[str, str | float] = {
            "name": f"gate: {SECTIONS[row.section].partition(':')[0]}; {row.what}, {row.steps}",
            "value": round(outcome.share * 100, 2),
            "unit": "% rolled back",
        }
        if baseline is not None:
            body["baseline"] = round(baseline * 100, 2)
        bodies.append(body)
    earlier = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    kept = [body for body in earlier if not body["name"].startswith("gate: ")]
    RESULTS.write_text(json.dumps([*kept, *bodies], indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
