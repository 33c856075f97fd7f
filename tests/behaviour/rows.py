"""The whole table."""

from __future__ import annotations

from tests.behaviour import rows_policies, rows_routes
from tests.behaviour.table import Row

ROWS: tuple[Row, ...] = (*rows_routes.ROWS, *rows_policies.ROWS)
