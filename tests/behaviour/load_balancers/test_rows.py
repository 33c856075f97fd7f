"""Every row of the table, through a real Envoy."""

from __future__ import annotations

import pytest

from tests.behaviour.load_balancers.rows import ROWS
from tests.behaviour.load_balancers.table import Row
from tests.behaviour.load_balancers.world import World


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(balancer: World, row: Row) -> None:
    balancer.play(row)
