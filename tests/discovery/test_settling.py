"""What is known of instances after an answer: those that are there, and those that drain."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import given

from tealmesh.discovery.settling import DRAIN_SECONDS, Held, Seen, settle

IDS = st.sampled_from("abcd")


def at(address: int) -> tuple[tuple[str, str], ...]:
    return (("AWS_INSTANCE_IPV4", f"10.0.0.{address}"), ("ECS_SERVICE_NAME", "web"))


ATTRIBUTES = st.builds(at, st.integers(1, 4))
HELD = st.dictionaries(
    IDS,
    st.builds(Held, ATTRIBUTES, st.booleans(), st.none() | st.sampled_from([0.0, 30.0, 60.0])),
)
ANSWERS = st.lists(st.builds(Seen, IDS, ATTRIBUTES, st.booleans()), unique_by=lambda one: one.id)


@given(HELD, ANSWERS)
def test_what_is_there_is_known_and_what_is_gone_drains(
    held: dict[str, Held], answer: list[Seen]
) -> None:
    after = settle(held, answer)
    seen = {one.id: one for one in answer}
    assert {i for i, one in after.items() if one.gone is None} == seen.keys()
    assert all(after[i].attributes == one.attributes for i, one in seen.items())
    in_use = {address for one in answer for address in Held(one.attributes).addresses}
    for identity, before in held.items():
        if identity in seen:
            continue
        ended = before.gone == DRAIN_SECONDS or bool(before.addresses & in_use)
        assert (identity in after) is not ended
        if not ended:
            assert after[identity] == replace(before, gone=before.gone or 0.0)


@given(HELD, ANSWERS)
def test_health_is_cloud_maps_unless_nobody_is_healthy(
    held: dict[str, Held], answer: list[Seen]
) -> None:
    after = settle(held, answer)
    if any(one.healthy for one in answer):
        assert all(after[one.id].healthy is one.healthy for one in answer)
    else:
        for one in answer:
            before = held.get(one.id)
            kept = before is not None and before.gone is None and before.healthy
            assert after[one.id].healthy is kept


@given(HELD, ANSWERS)
def test_the_same_answer_again_changes_nothing(held: dict[str, Held], answer: list[Seen]) -> None:
    once = settle(held, answer)
    assert settle(once, answer) == once


def test_a_service_whose_health_checks_all_fail_goes_on() -> None:
    answer = [Seen("a", at(1)), Seen("b", at(2), healthy=False)]
    known = settle({}, answer)
    assert [known[one].healthy for one in "ab"] == [True, False]
    known = settle(known, [replace(one, healthy=False) for one in answer])
    assert [known[one].healthy for one in "ab"] == [True, False]
    known = settle(known, [replace(answer[0], healthy=False), replace(answer[1], healthy=True)])
    assert [known[one].healthy for one in "ab"] == [False, True]
