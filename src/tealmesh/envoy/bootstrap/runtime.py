"""Envoy's runtime: what may be told it beside its configuration.

https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/runtime
"""

from __future__ import annotations

from collections.abc import Mapping

from tealmesh.envoy.bootstrap.environment import Environment, Json, number

_REGEX_SIZE_OF_ENVOY = 50_000
"""What Envoys take. The same pattern needs more where it is compiled for UTF-8 (1.36: 1,200 for a
class of Unicode), and a condition of a load balancer has up to five values of 128 characters, each
of which may be a wildcard for any character of Unicode."""


def runtime(environment: Environment, more: Mapping[str, Json]) -> dict[str, Json]:
    """The layers, with ``more`` keys: ours, and what is set by the admin interface."""
    keys: dict[str, Json] = {"re2.max_program_size.error_level": _REGEX_SIZE_OF_ENVOY, **more}
    cycle = "MAX_REQUESTS_PER_IO_CYCLE"
    if environment.get(cycle):
        keys["http.max_requests_per_io_cycle"] = int(number(environment, cycle, 1, (1, 2**31)))
    return {
        "layers": [
            {"name": "tealmesh", "static_layer": keys},
            {"name": "admin", "admin_layer": {}},
        ]
    }
