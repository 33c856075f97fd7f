"""The whole table, one module for each part of App Mesh; each has its rows in ``ROWS``.

The order in which rows are played is of no account: see `tests.behaviour.test_rows`.
"""

from __future__ import annotations

from tests.behaviour.rows import (
    discovery,
    gateway_routes,
    gateways,
    grpc_tcp,
    health,
    nodes,
    policies,
    routes,
    services,
    tls,
)
from tests.behaviour.table import Row

ROWS: tuple[Row, ...] = (
    *routes.ROWS,
    *policies.ROWS,
    *grpc_tcp.ROWS,
    *nodes.ROWS,
    *health.ROWS,
    *services.ROWS,
    *discovery.ROWS,
    *gateway_routes.ROWS,
    *gateways.ROWS,
    *tls.ROWS,
)
