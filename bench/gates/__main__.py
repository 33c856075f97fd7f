"""Simulates the comparing gate, prints what came out and writes it to ``bench/results.json``.

python -m bench.gates             10,000 releases where something is promised, 2,000 elsewhere
python -m bench.gates --quick     a tenth of that; writes nothing
python -m bench.gates --only WORD some rows: of sections or names that contain it; writes nothing
python -m bench.gates --note      all rows, and puts the tables into the design note 024

At the end it says of each promise whether it holds; the exit code is 1 if one is broken beyond
chance.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
import zlib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.gates import rivals
from bench.gates.releases import Outcome, wilson
from bench.gates.rows import Row, rows

RESULTS = Path(__file__).parents[1] / "results.json"
NOTE = Path(__file__).parents[2] / "docs/design/024-the-comparing-gate.md"
PROMISED, SHOWN = 10_000, 2_000

SECTIONS = {
    "identical": "the new side is as good: rolled back",
    "trouble": "the same, with trouble that both have, or the old side",
    "worse": "the new side fails more often: rolled back",
    "latency": "the new side is as fast, or slower: rolled back",
    "hanging": "requests that get no answer for 15 s: rolled back",
    "pass": "twice the old side's failures, and just what is allowed: rolled back, and passed",
    "shifted": "nothing beside the new side, five minutes with all the weight: rolled back",
    "beyond": "beyond what is promised: the new side is as good",
}


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.gates")
    arguments.add_argument("--quick", action="store_true", help="a tenth of the releases")
    arguments.add_argument("--only", default="", help="a word in the section or the name of a row")
    arguments.add_argument("--note", action="store_true", help="renew the tables of the note 024")
    given = arguments.parse_args()
    quick, only = given.quick, given.only
    if given.note and (quick or only):
        arguments.error("--note needs all rows and all releases")
    began = time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        wanted = [row for row in rows() if only in row.section or only in row.what]
        outcomes = list(processes.map(_run, wanted, [quick] * len(wanted)))
    console = Console(width=None if sys.stdout.isatty() else 160, record=given.note)
    for section, title in SECTIONS.items():
        if any(row.section == section for row in wanted):
            console.print(_table(section, title, wanted, outcomes))
    broken = _kept(wanted, outcomes)
    total = sum(outcome.releases for outcome in outcomes)
    print(f"{total} releases, {time.perf_counter() - began:.0f} s")
    if given.note:
        _renew(console.export_text(), total)
    if not quick and not only:
        _write(wanted, outcomes)
    return 1 if broken else 0


def _kept(wanted: list[Row], outcomes: list[Outcome]) -> int:
    """Say of each promise whether it holds. Returns how many do not."""
    broken = 0
    print("promises:")
    for row, outcome in zip(wanted, outcomes, strict=True):
        if not row.promise:
            continue
        why = row.broken(outcome)
        broken += bool(why)
        after = f", median {_minutes(outcome.minutes)} min" if row.within is not None else ""
        passed = max(outcome.alike, outcome.below) / outcome.releases
        share = (
            f"passed {passed:.2%} by one of the two"
            if row.passed_at_most is not None
            else f"rolled back {outcome.share:.2%}"
        )
        verdict = f"BROKEN ({why})" if why else "holds"
        print(f"  {row.what}, {row.steps}: {share}{after}; promised {row.promise}: {verdict}")
    return broken


def releases(row: Row, quick: bool) -> int:
    """How many are simulated."""
    promises = (row.at_most, row.at_least, row.within, row.passed_at_most)
    whole = SHOWN if all(promise is None for promise in promises) else PROMISED
    return whole // 10 if quick else whole


def _run(row: Row, quick: bool) -> Outcome:
    # By its name, so that a row comes out the same whatever other rows there are.
    seed = zlib.crc32(f"{row.section} {row.what} {row.steps}".encode())
    return row.run(releases(row, quick), seed)


def _renew(tables: str, total: int) -> None:
    """Put the tables into the note, and the number of releases above them."""
    text = NOTE.read_text("utf-8")
    before, _, rest = text.partition("```\n")
    _, _, after = rest.partition("```\n")
    before = re.sub(
        r"`make bench-gates`, [\d,]+ releases", f"`make bench-gates`, {total:,} releases", before
    )
    lines = "\n".join(line.rstrip() for line in tables.strip("\n").splitlines())
    NOTE.write_text(f"{before}```\n{lines}\n```\n{after}", "utf-8")


def _table(section: str, title: str, wanted: list[Row], outcomes: list[Outcome]) -> Table:
    table = Table(title=title, title_justify="left", box=None)
    for name in ("what", "steps", "%", "95 %", "min", "promise"):
        table.add_column(name, no_wrap=True)
    with_rivals = section not in ("latency", "hanging", "shifted")
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
            row.promise,
        ]
        others = outcome.rivals or {}
        if with_rivals:
            cells += [_per_cent(others.get(name)) for name in rivals.NAMES]
        if passes:
            cells += [_per_cent(outcome.passed / outcome.releases), _minutes(outcome.passed_after)]
        table.add_row(*cells)
    return table


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
