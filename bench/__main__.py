"""Runs the benchmarks, prints their results and writes them to ``bench/results.json``.

python -m bench [--short] [MODULE ...]    runs only these and keeps the results of the others
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.measurement import Measurement

MODULES = (
    "start",
    "callers",
    "weights",
    "dataplane",
    "encodes",
    "swarm",
    "reports",
    "lrs",
    "writes",
    "database",
    "replicas",
    "translation",
    "deployment",
    "demo",
    "page",
    "terraform",
    "containers",
)
RESULTS = Path(__file__).parent / "results.json"


def main() -> None:
    logging.basicConfig(level=logging.ERROR)
    measurements: list[Measurement] = []
    names = [one for one in sys.argv[1:] if one != "--short"]
    if "--short" in sys.argv:
        os.environ["TEAL_BENCH_SHORT"] = "1"
    for name in names or MODULES:
        print(f"measuring {name} …", file=sys.stderr)
        measurements += importlib.import_module(f"bench.{name}").measure()
    _show(measurements)
    bodies = [
        {
            "name": m.name,
            "value": round(m.value, 4),
            "unit": m.unit,
            "baseline": round(m.baseline, 4),
            **({"baselineUnit": m.of} if m.of else {}),
        }
        for m in measurements
    ]
    measured = {body["name"] for body in bodies}
    earlier = json.loads(RESULTS.read_text()) if names and RESULTS.exists() else []
    kept = [body for body in earlier if body["name"] not in measured]
    RESULTS.write_text(json.dumps([*kept, *bodies], indent=2) + "\n")


def _show(measurements: list[Measurement]) -> None:
    table = Table("what", "value", "promised", "baseline", "ratio", "baseline is", box=None)
    for m in measurements:
        promised = "" if m.limit is None else f"< {m.limit:g} {m.unit}"
        table.add_row(
            m.name,
            f"{m.value:.4g} {m.unit}",
            promised,
            f"{m.baseline:.4g} {m.of or m.unit}",
            "" if m.ratio is None else f"{m.ratio:.2f}",
            m.compared,
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)


if __name__ == "__main__":
    main()
