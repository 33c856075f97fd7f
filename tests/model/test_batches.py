"""Lists in pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.batches import batches


@given(st.lists(st.integers(), max_size=40), st.integers(1, 12))
def test_nothing_is_lost_and_no_piece_is_too_long_or_could_be_longer(
    items: list[int], most: int
) -> None:
    pieces = list(batches(items, most))
    assert [item for piece in pieces for item in piece] == items
    assert all(len(piece) == most for piece in pieces[:-1])
    assert all(1 <= len(piece) <= most for piece in pieces)
