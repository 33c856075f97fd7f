"""Deployments one after the other at full load, and not one request lost: ``make soak-short``.

python -m bench.soak_short --seconds 480     eight minutes, some 1,000,000 requests

Both versions of the sample are deployed in turn, by canary and blue/green. A line tells each
deployment; the last one is the verdict. Ends with 1 if a request was lost, or if a deployment did
not succeed.
"""

from __future__ import annotations

import argparse
import itertools
import time

from bench.deployment import deploy, running

TURNS = (("canary", "0.0.2"), ("bluegreen", "0.0.1"))


def soak(seconds: float) -> bool:
    """Deploy again and again for so long; whether all went well."""
    with running() as (plane, ledger):
        lost, sent = ledger.failed, ledger.total
        failed: list[str] = []
        began, count = time.monotonic(), 0
        for strategy, image in itertools.cycle(TURNS):
            if time.monotonic() - began >= seconds:
                break
            deployment, events = deploy(plane, strategy, f"example/sample:{image}")
            count += 1
            status = deployment["status"]
            if status != "SUCCESSFUL":
                failed.append(f"{strategy}: {status}: {deployment.get('reason', '')}")
            print(
                f"{time.monotonic() - began:6.0f} s  {strategy:9} {status.lower():11} "
                f"{events[-1].at - events[0].at:5.1f} s  {ledger.total - sent:,} requests, "
                f"{ledger.failed - lost} lost",
                flush=True,
            )
        lost, sent = ledger.failed - lost, ledger.total - sent
        for reason, many in ledger.everything().failures.items():
            print(f"{many} requests: {reason}")
    for line in failed:
        print(line)
    good = bool(sent) and not lost and not failed
    print(
        f"{'PASS' if good else 'FAIL'}: {lost} of {sent:,} requests lost in {count} deployments, "
        f"{len(failed)} of which did not succeed"
    )
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=480.0)
    given = parser.parse_args()
    raise SystemExit(0 if soak(given.seconds) else 1)


if __name__ == "__main__":
    main()
