"""The words by which sides are named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.rollout.naming import (
    differ_in_one_word,
    partner,
    renamed,
    short_names,
    side_names,
)

words = st.text("abcxyz019", min_size=1, max_size=4)
names = st.lists(words, min_size=1, max_size=4).map("-".join)


@pytest.mark.parametrize(
    ("nodes", "sides"),
    [
        (("sample-blue", "sample-green"), ("blue", "green")),
        (("blue-web-vn", "green-web-vn"), ("blue", "green")),
        (("web_v1.node", "web_v2.node"), ("v1", "v2")),
        (("web", "web-canary"), ("web", "web-canary")),
        (("app1", "app2"), ("app1", "app2")),
        (("web-a-x", "web-b-y"), ("a-x", "b-y")),
        (("alone-blue",), ("alone-blue",)),
        ((), ()),
    ],
)
def test_a_side_is_the_word_in_which_the_nodes_differ(
    nodes: tuple[str, ...], sides: tuple[str, ...]
) -> None:
    assert side_names(nodes) == sides


@given(st.lists(names, unique=True, max_size=5))
def test_sides_are_distinct_and_part_of_their_nodes(nodes: list[str]) -> None:
    sides = side_names(nodes)
    assert len(set(sides)) == len(nodes)
    assert all(side in node for side, node in zip(sides, nodes, strict=True))


@given(names, words, words)
def test_names_that_differ_in_a_word_are_renamed_there_and_back(
    name: str, side: str, other: str
) -> None:
    here, there = f"{name}-{side}", f"{name}-{other}"
    assert differ_in_one_word(here, there) == (side != other)
    if side not in name.split("-") and other not in name.split("-"):
        assert renamed(here, side, other) == there
        assert renamed(there, other, side) == here


def test_the_counterpart_of_a_node_that_stands_alone() -> None:
    assert partner("blue-app-green") == ("green", "blue")
    assert partner("app-v2-vn") == ("v2", "v1")
    assert partner("app-canary") == ("canary", "stable")
    assert partner("app") is None
    assert renamed("evergreen/green:greens", "green", "blue") == "evergreen/blue:greens"


@given(st.lists(st.tuples(names, names), unique=True, max_size=6), st.lists(names, max_size=3))
def test_short_names_are_unique(services: list[tuple[str, str]], taken: list[str]) -> None:
    assert len({*short_names(services, taken), *taken}) == len(services) + len(set(taken))
