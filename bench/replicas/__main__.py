"""So many streams at one control plane on SQLite, and at two replicas on PostgreSQL."""

from __future__ import annotations

import argparse

from bench.replicas import streams
from bench.replicas.places import ALONE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("envoys", type=int)
    parser.add_argument("--sotw", action="store_true", help="state of the world, not delta")
    parser.add_argument("--pushes", type=int, default=streams.PUSHES)
    given = parser.parse_args()
    for one in streams.measure(given.envoys, delta=not given.sotw, pushes=given.pushes):
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        print(f"{one.name}: {one.value:.4g} {one.unit}; {ALONE} {one.baseline:.4g}; ratio {ratio}")


if __name__ == "__main__":
    main()
