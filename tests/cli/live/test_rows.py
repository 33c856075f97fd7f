"""A tree fits every terminal, and what is least urgent goes first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from tealmesh.cli.live.rows import PLAIN, Marks, Row, Tree, fit, marks_for
from tealmesh.cli.live.traffic import level

KIND = ("row", "rows")
ADDED = st.tuples(st.integers(0, 4), st.text(max_size=60), st.integers(0, 9), st.integers(1, 3))


def tree_of(added: list[tuple[int, str, int, int]]) -> list[Row]:
    tree = Tree()
    for depth, text, urgency, lines in added:
        deepest = tree.rows[-1].depth + 1 if tree.rows else 0
        tree.add(min(depth, deepest), Text(text), urgency, KIND, lines)
    return tree.rows


@given(
    st.lists(ADDED, max_size=30),
    st.integers(1, 100),
    st.integers(1, 40),
    st.sampled_from(["utf-8", "ascii", "latin-1"]),
)
def test_it_is_never_wider_or_higher_than_the_terminal(
    added: list[tuple[int, str, int, int]], width: int, height: int, encoding: str
) -> None:
    lines = fit(tree_of(added), width, height, marks_for(encoding), encoding)
    assert len(lines) <= height
    for line in lines:
        assert line.cell_len <= width
        assert line.plain.isprintable()
        line.plain.encode(encoding)


@given(st.lists(ADDED, max_size=30), st.integers(2, 20))
def test_what_is_folded_is_counted_and_less_urgent(
    added: list[tuple[int, str, int, int]], height: int
) -> None:
    rows = [Row(r.depth, Text(str(i)), r.urgency, KIND) for i, r in enumerate(tree_of(added))]
    lines = [line.plain for line in fit(rows, 80, height)]
    if len(rows) <= height:
        assert len(lines) == len(rows)
        return
    assert lines[-1] == f"folded: {len(rows) - height + 1} " + (
        "row" if len(rows) - height + 1 == 1 else "rows"
    )
    kept = [int(line.split()[-1]) for line in lines[:-1]]
    assert kept == sorted(kept)
    urgent = max(rows[i].urgency for i in kept)
    assert all(rows[i].urgency >= urgent for i in set(range(len(rows))) - set(kept))


def test_branches_are_drawn_around_what_is_folded() -> None:
    tree = Tree()
    for depth, name in ((0, "a"), (1, "b"), (2, "c"), (1, "d"), (0, "e")):
        tree.add(depth, Text(name), 0, KIND)
    drawn = [line.plain for line in fit(tree.rows, 20, 9)]
    assert drawn == ["a", "├ b", "│ └ c", "└ d", "e"]
    plain = [line.plain for line in fit(tree.rows, 20, 9, PLAIN, "ascii")]
    assert plain == ["a", "|-b", "| `-c", "`-d", "e"]


def test_signs_for_an_encoding() -> None:
    assert marks_for("utf-8") == Marks()
    assert marks_for("ascii") == marks_for("latin-1") == marks_for("none such") == PLAIN


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_only_nothing_has_no_bar(rate: float, most: float) -> None:
    sign = level(min(rate, most), most, Marks().bars)
    assert (sign == " ") == (min(rate, most) == 0)
