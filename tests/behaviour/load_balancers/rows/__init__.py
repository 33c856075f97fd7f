"""The rows, by what they are about."""

from __future__ import annotations

from tests.behaviour.load_balancers.rows import (
    actions,
    conditions,
    failures,
    flows,
    headers,
    health,
    tls,
)
from tests.behaviour.load_balancers.table import Row

SECTIONS: dict[str, tuple[Row, ...]] = {
    "Conditions of rules": conditions.ROWS,
    "Actions": actions.ROWS,
    "Health of targets": health.ROWS,
    "Targets that do not answer": failures.ROWS,
    "Headers": headers.ROWS,
    "HTTPS": tls.ROWS,
    "Network load balancers": flows.ROWS,
}

ROWS: tuple[Row, ...] = tuple(row for rows in SECTIONS.values() for row in rows)
