"""Virtual gateways: their routes and those of the services behind them, as one step in Envoy.

Start with `entrances`.
"""

from tealmesh.envoy.gateways.composing import Rewrite, compose, http_rewrite
from tealmesh.envoy.gateways.entrances import (
    PROTOCOLS,
    Entrance,
    Limits,
    Previews,
    gateway_routes,
)

__all__ = [
    "PROTOCOLS",
    "Entrance",
    "Limits",
    "Previews",
    "Rewrite",
    "compose",
    "gateway_routes",
    "http_rewrite",
]
