"""How long Terraform takes to apply the example, and how much of a weight change is our own time.

Measures nothing if Terraform is not on PATH.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.support.machine import free_port
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import api
from tests.support.programs.terraform import (
    EXAMPLE,
    NO_TERRAFORM,
    Terraform,
    article,
    terraform_binary,
)

from bench.measurement import Measurement

_CALLS = 50


def measure() -> list[Measurement]:
    """The times of a full apply, of a weight change, and of our own part of the latter."""
    if terraform_binary() is None:
        print(NO_TERRAFORM, file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        with control_plane(path, EXAMPLE / "teal.toml") as plane:
            terraform = article(plane, path / "bench", "bench", free_port())
            full = _seconds(terraform, wait_for_steady_state=True)
            resources = len(terraform.addresses())
            nothing = _seconds(terraform)
            change = _seconds(terraform, blue_weight=7)
            ours = _our_part(plane)
            terraform.destroy()
    return [
        Measurement(
            f"terraform apply of the example, {resources} resources",
            full,
            "s",
            nothing,
            "an apply that changes nothing",
            60.0,
        ),
        Measurement(
            "terraform apply of a weight change",
            change,
            "s",
            nothing,
            "an apply that changes nothing: Terraform's and the provider's own time",
            10.0,
        ),
        Measurement(
            "Tealmesh's part of a weight change: the call until every Envoy has acknowledged it",
            ours * 1000,
            "ms",
            change * 1000,
            "the whole apply",
            100.0,
        ),
    ]


def _seconds(terraform: Terraform, **variables: object) -> float:
    start = time.perf_counter()
    terraform.apply(**variables)
    return time.perf_counter() - start


def _our_part(plane: ControlPlane) -> float:
    """The median time of the update that Terraform sends, until every Envoy has acknowledged it."""
    appmesh = plane.client("appmesh")
    where = {"meshName": "bench", "virtualRouterName": "sample", "routeName": "sample"}
    spec = appmesh.describe_route(**where)["route"]["spec"]
    taken = []
    for number in range(_CALLS):
        spec["httpRoute"]["action"]["weightedTargets"][0]["weight"] = 1 + number % 2
        start = time.perf_counter()
        appmesh.update_route(spec=spec, **where)
        assert api(plane).get_convergence("bench", None, 5)["converged"]
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)
