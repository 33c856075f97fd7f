"""Signed links: whole, ours and in time, or of no use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.errors import LinkError
from tealmesh.rollout.notices import links
from tealmesh.rollout.notices.links import Link

KEY = b"a key"
LINK = Link("approve", "d-1", 1000.0)


def test_a_link_says_what_it_allows_until_its_time() -> None:
    text = links.token(LINK, KEY)
    assert links.read(text, KEY, 1000.0) == LINK
    with pytest.raises(LinkError, match="good no more"):
        links.read(text, KEY, 1000.1)


def test_another_key_makes_another_link() -> None:
    with pytest.raises(LinkError, match="not from this control plane"):
        links.read(links.token(LINK, b"another"), KEY, 0.0)


@given(data=st.data())
def test_no_changed_link_allows_anything_else(data: st.DataObject) -> None:
    """Base64 has several texts for one last byte: those are the same link."""
    text = links.token(LINK, KEY)
    index = data.draw(st.integers(0, len(text) - 1))
    changed = text[:index] + data.draw(st.characters()) + text[index + 1 :]
    try:
        read = links.read(changed, KEY, 0.0)
    except LinkError:
        return
    assert read == LINK


@given(text=st.text(max_size=80))
def test_any_text_is_a_link_error(text: str) -> None:
    with pytest.raises(LinkError):
        links.read(text, KEY, 0.0)


def test_a_url_is_good_for_a_day() -> None:
    made = links.url("https://teal.example/", "roll-back", "d-2", 50.0, KEY)
    start, _, text = made.partition("?token=")
    assert start == "https://teal.example/_teal/decide"
    assert links.read(text, KEY, 50.0) == Link("roll-back", "d-2", 50.0 + 24 * 3600)
