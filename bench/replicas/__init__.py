"""What PostgreSQL and a second replica cost: `teal serve` alone on SQLite, and two of them on one
PostgreSQL, in the same run. PostgreSQL runs on this machine, durable.

python -m bench replicas                    all of it
python -m bench replicas --short            the same with fewer changes and Envoys
python -m bench.replicas 1000 [--sotw]      many streams only, so many
"""

from __future__ import annotations

import os

from bench.measurement import Measurement
from bench.replicas import streams, weights


def measure() -> list[Measurement]:
    """Each figure of two replicas, compared with a control plane alone."""
    short = "TEAL_BENCH_SHORT" in os.environ
    return [*weights.measure(), *streams.measure(streams.SHORT if short else streams.ENVOYS)]
