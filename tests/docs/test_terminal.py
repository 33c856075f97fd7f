"""What docs/terminal.py takes a terminal to show."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.docs.scripts import load

terminal = load("terminal")
OUTPUT = (
    "one\r\n\x1b[1;32mgreen\x1b[0m \x1b[2mdim\x1b[0m\r\n名前\x1b[K\r\x1b[1Aup"
    "\x1b]0;title\x07\x1b[5;2Hat"
    "\x1b[?1049h\x1b[Hsecond\x1b[?25l\x1b[?1049l\x1b[?25h"
)


def shown(text: str, columns: int = 20, rows: int = 5) -> str:
    screen = terminal.Terminal(columns, rows)
    screen.feed(text)
    return screen.text()


def test_what_is_shown() -> None:
    assert shown(OUTPUT) == "one\nupeen dim\n名前\n\n at"


def test_a_second_screen_leaves_the_first_one_as_it_was() -> None:
    before, after = OUTPUT.split("\x1b[?1049l")
    screen = terminal.Terminal(20, 5)
    screen.feed(before)
    assert screen.second
    assert not screen.cursor
    assert screen.text() == "second"
    screen.feed("\x1b[?1049l" + after)
    assert not screen.second
    assert screen.cursor
    assert screen.text() == shown(OUTPUT)


def test_long_lines_go_on_below_and_leave_at_the_top() -> None:
    screen = terminal.Terminal(4, 2)
    screen.feed("abcdefgh\r\nij")
    assert screen.text() == "efgh\nij"
    assert screen.everything() == "abcd\nefgh\nij"
    # A wide character is not cut in two.
    assert shown("abc名", 4, 2) == "abc\n名"


def test_how_characters_look() -> None:
    screen = terminal.Terminal(20, 5)
    screen.feed(OUTPUT)
    row = screen.cells()[1]
    assert row[2].style == terminal.Style(colour="green", bold=True)
    assert row[6].style == terminal.Style(dim=True)
    screen.feed("\x1b[H\x1b[38;5;9;4;97mx\x1b[24;39my")
    first = screen.cells()[0]
    assert first[0].style == terminal.Style(colour="bright-white", underline=True)
    assert first[1].style == terminal.Style()


@given(st.lists(st.integers(0, len(OUTPUT)), max_size=6))
def test_it_may_be_read_in_any_parts(cuts: list[int]) -> None:
    screen = terminal.Terminal(20, 5)
    places = [0, *sorted(cuts), len(OUTPUT)]
    for begin, end in pairwise(places):
        screen.feed(OUTPUT[begin:end])
    assert screen.text() == shown(OUTPUT)


@given(st.text("ab名\x1b[]m?;0129KJHABCDhl\r\n\b\t\x07"), st.integers(2, 9), st.integers(1, 4))
def test_no_output_breaks_it(text: str, columns: int, rows: int) -> None:
    screen = terminal.Terminal(columns, rows)
    screen.feed(text)
    assert [len(row) for row in screen.cells()] == [columns] * rows
