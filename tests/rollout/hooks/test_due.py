"""Which hooks are asked, in which order, along the way of a deployment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tealmesh.model.config.beside import Cohort, Mirror
from tealmesh.model.config.outside import LASTING, STAGES, TOLD, WHENS, Hook
from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout import machine
from tealmesh.rollout.effects import AbortAsked, Observed
from tealmesh.rollout.hooks import due
from tests.rollout.machine.walking import STEP_TIME, created, good, looked, observed

EVERY = tuple(
    Hook(stage, f"{stage} {when}" if stage in LASTING else stage, when, url="http://h")
    for stage in STAGES
    for when in (WHENS if stage in LASTING else ("during",))
)


def hooked(hooks: tuple[Hook, ...] = EVERY) -> Deployment:
    d = created()
    return replace(d, gates=replace(d.gates, hooks=hooks))


def names(groups: tuple[due.Group, ...], ready: bool = True) -> list[tuple[str, int]]:
    return [
        (one.hook.name, one.step)
        for group in groups
        for one in group.hooks
        if not (ready and group.waits_for)
    ]


def along(d: Deployment) -> list[tuple[str, int]]:
    """The hooks that are asked along the way if all goes well, each once, in their order."""
    now, asked = 1000.0, []
    while not d.finished:
        d = machine.step(d, looked(d), now)
        found = names(due.before(d)) + [(one.hook.name, one.step) for one in due.told(d)]
        event, now = good(d, now)
        if isinstance(event, Observed):
            found += names(due.during(d, event, now))
        asked += [one for one in found if one not in asked]
        d = machine.step(d, event, now)
    return asked


def test_each_stage_has_its_place() -> None:
    assert along(hooked()) == [
        ("PRE_SCALE_UP", 0),
        ("POST_SCALE_UP", 0),
        ("TEST_TRAFFIC_SHIFT before", 0),
        ("TEST_TRAFFIC_SHIFT during", 0),
        ("TEST_TRAFFIC_SHIFT after", 0),
        ("POST_TEST_TRAFFIC_SHIFT", 0),
        ("PRE_PRODUCTION_TRAFFIC_SHIFT", 0),
        ("PRODUCTION_TRAFFIC_SHIFT before", 0),
        ("PRODUCTION_TRAFFIC_SHIFT during", 0),
        ("PRODUCTION_TRAFFIC_SHIFT after", 0),
        ("PRODUCTION_TRAFFIC_SHIFT before", 1),
        ("PRODUCTION_TRAFFIC_SHIFT during", 1),
        ("PRODUCTION_TRAFFIC_SHIFT after", 1),
        ("PRODUCTION_TRAFFIC_SHIFT before", 2),
        ("PRODUCTION_TRAFFIC_SHIFT during", 2),
        ("PRODUCTION_TRAFFIC_SHIFT after", 2),
        ("POST_PRODUCTION_TRAFFIC_SHIFT", 0),
        ("BAKE_TIME before", 0),
        ("BAKE_TIME during", 0),
        ("BAKE_TIME after", 0),
        ("CLEAN_UP", 0),
    ]


def test_copies_of_requests_are_a_test_and_a_cohort_is_production() -> None:
    d = hooked()
    beside = replace(
        d.strategy, type="ab", mirror=Mirror(50.0, 30.0), match=Cohort(header="x", value="y")
    )
    d = replace(d, strategy=beside, state=State.VERIFYING, since=1000.0)
    assert names(due.during(d, observed(d), 1001.0)) == [("TEST_TRAFFIC_SHIFT during", 0)]
    d = replace(d, state=State.MIRRORING)
    assert names(due.during(d, observed(d), 1029.0)) == []
    after = [
        ("TEST_TRAFFIC_SHIFT after", 0),
        ("POST_TEST_TRAFFIC_SHIFT", 0),
        ("PRE_PRODUCTION_TRAFFIC_SHIFT", 0),
    ]
    assert names(due.during(d, observed(d), 1029.0), ready=False) == after
    assert names(due.during(d, observed(d), 1030.0)) == after


def test_the_way_back_is_told_and_asks_nobody() -> None:
    d = hooked()
    d = machine.step(d, AbortAsked("tester"), 1001.0)
    assert d.state is State.ROLLING_BACK
    assert [one.hook.name for one in due.told(d)] == ["ROLLBACK"]
    while not d.finished:
        assert due.before(d) == ()
        event, now = good(d, 1002.0)
        d = machine.step(d, looked(d), now)
        d = machine.step(d, event, now)


@pytest.mark.parametrize("state", [s for s in State if s is not State.HELD])
def test_a_way_back_that_was_asked_for_waits_for_nobody(state: State) -> None:
    d = replace(hooked(), gated=False, kind="ROLLBACK", state=state)
    assert due.before(d) == ()
    assert due.during(d, observed(d), 1e6) == ()


def test_weight_for_a_side_that_alone_can_serve_waits_for_nobody() -> None:
    d = replace(hooked(), state=State.SHIFTING, healthy={"blue": 0, "green": 3})
    assert due.before(d) == ()
    assert due.before(replace(d, healthy={"blue": 1, "green": 3}))


def test_what_is_not_due_yet_is_waited_for_all_the_same() -> None:
    """A look that comes just before the end of a step must not let the machine, which looks at the
    clock a moment later, leave a hook out.
    """
    d = replace(hooked(), state=State.MEASURING, since=1000.0)
    early = due.during(d, observed(d), 1000.0 + STEP_TIME - 0.001)
    late = due.during(d, observed(d), 1000.0 + STEP_TIME)
    assert names(early, ready=False) == names(late, ready=False) == names(late)
    assert names(early) == [("PRODUCTION_TRAFFIC_SHIFT during", 0)]


def test_a_side_that_callers_do_not_reach_is_not_tried() -> None:
    d = replace(hooked(), state=State.VERIFYING)
    unreached = observed(d)
    unreached = replace(unreached, new_traffic=replace(unreached.new_traffic, members_healthy=2))
    assert names(due.during(d, unreached, 2000.0)) == []
    assert names(due.during(d, observed(d), 2000.0))


def test_the_same_hook_has_the_same_identity_at_each_try_and_another_at_each_step() -> None:
    d = replace(hooked(), state=State.SHIFTING)
    first = [one.identity("d1") for group in due.before(d) for one in group.hooks]
    again = [one.identity("d1") for group in due.before(d) for one in group.hooks]
    second = [one.identity("d1") for group in due.before(replace(d, step=1)) for one in group.hooks]
    assert first == again
    assert first != second
    assert all("." not in one for one in first)  # Signatures separate their parts by dots.
    assert {one.told for one in due.told(replace(d, state=State.CLEANING_UP))} == {True}
    assert set(TOLD) < set(STAGES)
