"""What many Envoys cost a control plane: connecting all at once, a change of weights, memory.

python -m bench swarm                       the sizes of `SIZES`, with addresses and delta
python -m bench swarm --short               the first two of them
python -m bench.swarm 1000 --sotw           one size; --help shows what else can be chosen
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from bench.measurement import Measurement
from bench.swarm.former import former
from bench.swarm.run import Result, Shape, run

SIZES = (100, 1_000, 5_000, 10_000)
_BESIDE = 5_000
"""Up to so many Envoys the former commit is measured too: it takes minutes for more."""


def measure() -> list[Measurement]:
    """Each size beside the same of a former commit; the largest ones beside 100 Envoys."""
    sizes = SIZES[:2] if os.environ.get("TEAL_BENCH_SHORT") else SIZES
    with former() as tree:
        made: list[Measurement] = []
        first: Result | None = None
        for size in sizes:
            result, compared, base = _measured(size, tree, first)
            first = first or result
            made += _rows(size, result, base, compared, promised=size == SIZES[-1])
    return made


def _measured(size: int, tree: Path | None, first: Result | None) -> tuple[Result, str, Result]:
    shape = Shape(size)
    result = run(shape)
    if tree is not None and size <= _BESIDE:
        return result, "the former commit", run(replace(shape, tree=tree, pushes=1))
    return result, f"with {SIZES[0]}", first or result


def _rows(
    size: int, result: Result, base: Result, compared: str, *, promised: bool
) -> list[Measurement]:
    rows = [
        ("storm", result.storm, base.storm, "s", 5.0),
        ("storm, CPU", result.storm_cpu, base.storm_cpu, "s", None),
        ("storm, refused", result.refused, base.refused, "streams", 1),
        ("push, p50", result.push_ms(0.5), base.push_ms(0.5), "ms", None),
        ("push, p99", result.push_ms(0.99), base.push_ms(0.99), "ms", 350.0),
        ("push, last", result.push_ms(1.0), base.push_ms(1.0), "ms", None),
        ("push, CPU", result.push_cpu, base.push_cpu, "s", 0.5),
        ("memory a stream", result.stream_kb, base.stream_kb, "KB", 20.0),
    ]
    return [
        Measurement(f"{size} Envoys: {name}", value, unit, other, compared, limit * 1.0)
        if promised and limit is not None
        else Measurement(f"{size} Envoys: {name}", value, unit, other, compared)
        for name, value, other, unit, limit in rows
    ]
