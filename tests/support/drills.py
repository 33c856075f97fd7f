"""Tests that have a short form, which `make test` runs, and a long one, for `make drills`."""

from __future__ import annotations

import pytest


def sizes(name: str, short: int, long: int) -> pytest.MarkDecorator:
    """Run a test with the argument ``name`` = ``short``, and in a drill with ``long``."""
    return pytest.mark.parametrize(
        name,
        [pytest.param(short, id="short"), pytest.param(long, id="long", marks=pytest.mark.drill)],
    )
