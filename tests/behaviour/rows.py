"""The whole table."""

from __future__ import annotations

from tests.behaviour import (
    rows_discovery,
    rows_gateways,
    rows_grpc_tcp,
    rows_nodes,
    rows_policies,
    rows_routes,
    rows_tls,
)
from tests.behaviour.table import Row

ROWS: tuple[Row, ...] = (
    *rows_routes.ROWS,
    *rows_policies.ROWS,
    *rows_grpc_tcp.ROWS,
    *rows_nodes.ROWS,
    *rows_discovery.ROWS,
    *rows_gateways.ROWS,
    *rows_tls.ROWS,
)
