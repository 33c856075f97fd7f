"""Every row of the table, through real Envoys."""

from __future__ import annotations

import pytest

from tests.behaviour.rows import ROWS
from tests.behaviour.table import Row
from tests.behaviour.world import World


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(world: World, row: Row) -> None:
    world.play(row)
