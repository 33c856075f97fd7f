"""What a view says of former changes is bounded, and never goes back."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from tealmesh.store import View, key, views

NAMES = ("a", "b", "c", "d", "e", "f")
MOST = 3


@pytest.fixture(autouse=True)
def _few() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "MOST_TOUCHED", MOST)
        yield


@given(st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4), max_size=20))
@settings(deadline=None)
def test_the_last_change_never_decreases(written: list[list[str]]) -> None:
    view, before = View(10, {}, forgotten=10), dict.fromkeys(NAMES, 10)
    for revision, names in enumerate(written, 11):
        changes = [("things", key(name, "x"), None) for name in names]
        view = views.applied(view, [views.Commit(revision, "", changes)])
        said = {name: view.last_change("things", name) for name in NAMES}
        assert all(said[name] == revision for name in names)
        assert all(before[name] <= said[name] <= revision for name in NAMES)
        assert len(view.touched) <= MOST + len(names)
        before = said
