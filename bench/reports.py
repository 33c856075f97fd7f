"""What Envoys' reports of metrics cost a control plane: each one, and those of 10,000 idle Envoys.

The swarm's Envoys report as often as they are told here, which for idle ones is as often as
`envoy.reporting` lets real ones. What 10,000 would take with four reports a second, as every Envoy
made before, follows from the cost of one: no machine could hear it.
"""

from __future__ import annotations

from bench.measurement import Measurement
from bench.swarm import world
from bench.swarm.run import Shape, run
from tealmesh.envoy.reporting import IDLE_REPORTS, seconds
from tealmesh.model.traffic.windows import REPORT_SECONDS

FEW, MANY = 500, 10_000
REST_SECONDS = 20.0


def measure() -> list[Measurement]:
    """Seconds of CPU, of the control plane's process alone."""
    still = run(_shape(FEW, 0.0)).idle_cpu
    each = (run(_shape(FEW, 1.0)).idle_cpu - still) / FEW
    names = [f"n{number}" for number in range(world.NODES)]
    pause = len(names) / sum(1 / seconds(MANY, IDLE_REPORTS, name) for name in names)
    many = run(_shape(MANY, pause)).idle_cpu
    before = MANY * each / REPORT_SECONDS + still * MANY / FEW
    rapidly = f"with {1 / REPORT_SECONDS:g} reports a second of each"
    return [
        Measurement(
            "one report of an Envoy with ten clusters, CPU",
            each * 1000,
            "ms",
            still * 1000 / FEW,
            "a second of an Envoy that does not report",
        ),
        Measurement(
            f"{MANY:,} idle Envoys, a report each {pause:.0f} s, ADS included",
            many,
            "core",
            before,
            rapidly,
            0.5,
        ),
    ]


def _shape(envoys: int, flush: float) -> Shape:
    return Shape(envoys, addressed=False, flush=flush, pushes=1, idle=REST_SECONDS)
