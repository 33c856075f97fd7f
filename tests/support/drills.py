"""Tests that have a short form, which `make test` or `make scenarios` runs, and a long one, for
`make long`.
"""

from __future__ import annotations

import os

import pytest

THOROUGH = "TEALMESH_TEST_THOROUGH" in os.environ
"""Whether property tests try as many examples as they can use; set by ``make long``."""


def examples(many: int) -> int:
    """How many examples a property test tries: ``many`` in a drill, else a quarter of them."""
    return many if THOROUGH else max(10, many // 4)


def sizes(name: str, short: int, long: int) -> pytest.MarkDecorator:
    """Run a test with the argument ``name`` = ``short``, and in a drill with ``long``."""
    return pytest.mark.parametrize(
        name,
        [pytest.param(short, id="short"), pytest.param(long, id="long", marks=pytest.mark.drill)],
    )
