"""Runs the swarm once and prints what it cost."""

from __future__ import annotations

import argparse
from dataclasses import replace

from bench.swarm.figures import table
from bench.swarm.former import COMMIT, former
from bench.swarm.run import Result, Shape, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("envoys", type=int, nargs="+")
    parser.add_argument("--sotw", action="store_true", help="state of the world, not delta")
    parser.add_argument("--redirected", action="store_true", help="tasks without own addresses")
    parser.add_argument("--flush", type=float, default=0.0, help="seconds between two reports")
    parser.add_argument("--pushes", type=int, default=3)
    parser.add_argument("--idle", type=float, default=0.0, help="seconds of rest to measure")
    parser.add_argument("--profile", default="", help="write FILE.storm and FILE.push")
    parser.add_argument(
        "--former",
        nargs="?",
        const=COMMIT,
        default="",
        help=f"another commit's control plane too, {COMMIT} if none is named",
    )
    given = parser.parse_args()
    for count in given.envoys:
        shape = Shape(
            count,
            delta=not given.sotw,
            addressed=not given.redirected,
            flush=given.flush,
            pushes=given.pushes,
            profile=given.profile,
            idle=given.idle,
        )
        now = run(shape)
        print(_line(f"{count} Envoys", now), flush=True)
        if given.former:
            with former(given.former) as tree:
                if tree is None:
                    parser.error(f"--former {given.former}: this repository has no such commit")
                then = run(replace(shape, tree=tree, profile=""))
            print(_line(f"{count} Envoys at {given.former}", then), flush=True)
            print(f"\n{table(count, now, then, given.former)}\n", flush=True)


def _line(what: str, result: Result) -> str:
    return (
        f"{what}: storm {result.storm:.1f} s, CPU {result.storm_cpu:.1f} s (swarm "
        f"{result.swarm_cpu:.1f}), refused {result.refused}; push p50/p99/last "
        f"{result.push_ms(0.5):.0f}/{result.push_ms(0.99):.0f}/{result.push_ms(1):.0f} ms, "
        f"CPU {result.push_cpu:.2f} s, {result.translations:.0f} translations; "
        f"{result.stream_kb:.0f} KB a stream; closing {result.closing_cpu:.1f} CPU s; "
        f"idle {result.idle_cpu:.3f} of a core"
    )


if __name__ == "__main__":
    main()
