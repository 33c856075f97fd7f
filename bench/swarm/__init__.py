"""What many Envoys cost a control plane: connecting all at once, a change of weights, memory.

python -m bench swarm                       the sizes of `SIZES`, with addresses and delta
python -m bench swarm --short               the first two of them
python -m bench.swarm 1000 --sotw           one size; --help shows what else can be chosen
python -m bench.swarm 10000 --former        one size beside a former commit, and the targets
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from bench.measurement import Measurement
from bench.swarm.figures import FIGURES, FULL
from bench.swarm.former import former
from bench.swarm.run import Result, Shape, run

SIZES = (100, 1_000, 5_000, FULL)
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
            made += _rows(size, result, base, compared, promised=size == FULL)
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
    made: list[Measurement] = []
    for one in FIGURES:
        name, value, other = f"{size} Envoys: {one.name}", one.of(result), one.of(base)
        target = one.target if promised else None
        made.append(Measurement(name, value, one.unit, other, compared, target))
    return made
