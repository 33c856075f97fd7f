"""The deployments of the demo: how long they take, and how many requests fail."""

from __future__ import annotations

import re
import subprocess

from tests.support.machine import BIN

from bench.measurement import Measurement


def measure() -> list[Measurement]:
    """The time of all deployments of ``teal demo``, compared with that of their steps."""
    done = subprocess.run(
        [str(BIN / "teal"), "demo"], check=True, capture_output=True, text=True, timeout=600
    )
    deployments = [float(s) for s in re.findall(r"SUCCESSFUL\s+in ([\d.]+) s", done.stdout)]
    steps = [float(s) for s in re.findall(r"good\s+([\d.]+) s", done.stdout)]
    failed = re.search(r"([\d,]+) of ([\d,]+) requests failed", done.stdout)
    if failed is None:
        raise SystemExit(f"bench: teal demo printed no count of failures:\n{done.stdout}")
    requests = float(failed[2].replace(",", ""))
    lost = float(failed[1].replace(",", ""))
    return [
        Measurement("demo's deployments", sum(deployments), "s", sum(steps), "its steps", 60),
        Measurement("demo's failed requests", lost, "requests", requests, "requests sent", 1),
    ]
