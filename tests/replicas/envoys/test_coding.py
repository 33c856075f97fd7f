"""What is published is what is read, and what several replicas report becomes one."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tealmesh.model.convergence import EnvoyStatus, Reported
from tealmesh.replicas.envoys import coding
from tealmesh.replicas.envoys.together import WAITED_FOR, together
from tests.support.drills import examples

names = st.text(max_size=6)
revisions = st.integers(0, 4)


@st.composite
def reports(draw: st.DrawFn) -> list[Reported]:
    ids = draw(st.lists(names, unique=True, max_size=8))
    return [
        Reported(
            EnvoyStatus(
                identity,
                draw(names),
                draw(names),
                draw(st.booleans()),
                draw(revisions),
                rejected=draw(st.sampled_from(["", "no such cluster"])),
                note=draw(st.sampled_from(["", "slow"])),
            ),
            draw(revisions),
        )
        for identity in ids
    ]


@given(reports())
@settings(max_examples=examples(400), deadline=None)
def test_what_is_published_is_what_is_read(envoys: list[Reported]) -> None:
    who = coding.entries(coding.roster(map(coding.entry, envoys)))
    assert coding.read(who, coding.progress(envoys)) == envoys


@given(reports(), st.data())
@settings(max_examples=examples(400), deadline=None)
def test_what_has_not_changed_is_the_same_object(
    envoys: list[Reported], data: st.DataObject
) -> None:
    who = coding.entries(coding.roster(map(coding.entry, envoys)))
    before = coding.read(who, coding.progress(envoys))
    moved = [
        Reported(
            replace(
                one.status,
                connected=data.draw(st.booleans()),
                acknowledged=data.draw(revisions),
                rejected=data.draw(st.sampled_from(["", "no such cluster"])),
                note=data.draw(st.sampled_from(["", "slow"])),
            ),
            data.draw(revisions),
        )
        for one in envoys
    ]
    after = coding.read(who, coding.progress(moved), before)
    assert after == moved
    assert all((one is was) == (one == was) for one, was in zip(after, before, strict=True))


@given(st.lists(st.tuples(st.booleans(), reports()), max_size=4), st.sets(names))
@settings(max_examples=examples(400), deadline=None)
def test_nobody_runs_with_more_than_what_every_living_replica_says(
    told: list[tuple[bool, list[Reported]]], gone: set[str]
) -> None:
    found = together(told, gone.__contains__)
    living = [one for lives, envoys in told if lives for one in envoys if one.status.connected]
    for one in living:
        assert found[one.status.id].status.connected
        assert found[one.status.id].status.acknowledged <= one.status.acknowledged
    left = {one.status.id for _, envoys in told for one in envoys}
    assert found.keys() == (left - gone) | {one.status.id for one in living}


def test_an_envoy_of_a_dead_replica_is_waited_for_until_it_is_connected_or_gone() -> None:
    was = Reported(EnvoyStatus("task", "node", "mesh/m/virtualNode/a", True, 7), 7)
    now = Reported(EnvoyStatus("task", "node", "mesh/m/virtualNode/a", True, 5), 8)
    nobody = frozenset[str]().__contains__
    waited = together([(False, [was])], nobody)["task"].status
    assert (waited.connected, waited.note) == (False, WAITED_FOR)
    assert together([(False, [was]), (True, [now])], nobody) == {"task": now}
    assert together([(False, [was])], {"task"}.__contains__) == {}
