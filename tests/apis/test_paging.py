"""Pages of a list: nothing lost, nothing twice, whatever comes and goes meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.apis.paging import Pager
from tealmesh.model.errors import AwsError

NAMES = st.sets(st.text(min_size=1, max_size=8), max_size=40)


@given(NAMES, st.integers(1, 12), st.booleans())
def test_pages_joined_are_the_sorted_list(names: set[str], size: int, descending: bool) -> None:
    pager = Pager("InvalidInput", ("List",))
    seen: list[str] = []
    token: str | None = None
    while True:
        chosen, token = pager.page(list(names), size, token, descending=descending)
        assert len(chosen) <= size
        seen += chosen
        if token is None:
            break
        assert len(chosen) == size
    assert seen == sorted(names, reverse=descending)


@given(NAMES, NAMES, st.integers(1, 5))
def test_what_stays_is_listed_once_though_others_come_and_go(
    before: set[str], after: set[str], size: int
) -> None:
    pager = Pager("InvalidInput", ("List",))
    chosen, token = pager.page(list(before), size, None)
    seen = list(chosen)
    while token is not None:
        chosen, token = pager.page(list(after), size, token)
        seen += chosen
    assert len(seen) == len(set(seen))
    if len(before) > size:
        assert before & after <= set(seen)


@pytest.mark.parametrize("token", ["", "x", "bm90IGpzb24", "e30", "WyJMaXN0Il0", "é", "W" * 5000])
def test_a_token_of_nobody_is_refused(token: str) -> None:
    with pytest.raises(AwsError, match="nextToken") as caught:
        Pager("InvalidInput", ("List",)).page(["a"], 1, token)
    assert caught.value.code == "InvalidInput"


def test_a_token_is_good_only_for_the_list_that_gave_it() -> None:
    _, token = Pager("InvalidInput", ("List", "web")).page(["a", "b"], 1, None)
    assert token is not None
    with pytest.raises(AwsError, match="same list"):
        Pager("InvalidInput", ("List", "api")).page(["a", "b"], 1, token)


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_a_limit_out_of_range_is_refused(limit: int) -> None:
    with pytest.raises(AwsError, match=f"maxResults = {limit}: must be 1 to 100"):
        Pager("InvalidInput", ("List",)).page(["a"], limit, None)
