"""What many Envoys cost a control plane: connecting all at once, a change of weights, memory.

python -m bench swarm                       the sizes of `SIZES`, with addresses and delta
python -m bench.swarm 1000 --sotw           one size; --help shows what else can be chosen
"""

from __future__ import annotations

from bench.measurement import Measurement
from bench.swarm.run import Result, Shape, run

SIZES = (100, 1_000, 5_000, 10_000)


def measure() -> list[Measurement]:
    """Each size compared with 100 Envoys."""
    results = {size: run(Shape(size)) for size in SIZES}
    first = results[SIZES[0]]
    made = []
    for size, result in results.items():
        made += _rows(size, result, first)
    return made


def _rows(size: int, result: Result, first: Result) -> list[Measurement]:
    compared = f"with {SIZES[0]}"
    few = size == SIZES[-1]
    rows = [
        ("storm", result.storm, first.storm, "s", 5.0),
        ("storm, CPU", result.storm_cpu, first.storm_cpu, "s", None),
        ("storm, refused", result.refused, first.refused, "streams", 1),
        ("push, p50", result.push_ms(0.5), first.push_ms(0.5), "ms", None),
        ("push, p99", result.push_ms(0.99), first.push_ms(0.99), "ms", 350.0),
        ("push, last", result.push_ms(1.0), first.push_ms(1.0), "ms", None),
        ("push, CPU", result.push_cpu, first.push_cpu, "s", 0.5),
        ("memory a stream", result.stream_kb, first.stream_kb, "KB", 20.0),
    ]
    return [
        Measurement(f"{size} Envoys: {name}", value, unit, base, compared, limit if few else None)
        for name, value, base, unit, limit in rows
    ]
