"""Rows whose last column is folded under itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from tealmesh.cli.screens.fit import folded

words = st.lists(st.text("abcdefgh", min_size=1, max_size=15), max_size=30).map(" ".join)


@given(
    st.lists(st.tuples(st.text("ABC", max_size=8), words), max_size=5),
    st.integers(40, 160),
    st.integers(0, 4),
)
def test_folded_rows_fit_and_lose_no_word(
    rows: list[tuple[str, str]], width: int, indent: int
) -> None:
    lines = folded([[Text(a), Text(b)] for a, b in rows], width, indent=indent)
    shown = [line.plain for line in lines]
    assert all(len(line) <= width for line in shown)
    assert " ".join(shown).split() == " ".join(" ".join(row) for row in rows).split()
    assert all(line.startswith(" " * indent) for line in shown if line.strip())


def test_the_last_column_is_folded_under_itself() -> None:
    lines = folded([[Text("A"), Text("one two three four five six")]], 26, gap=2)
    assert [line.plain for line in lines] == ["A  one two three four five", "   six"]
