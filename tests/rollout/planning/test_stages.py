"""The stages of a plan are those that the machine goes through, with its limits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.config.outside import Hook, PrometheusGate
from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.rollout import Deployment, JournalEntry, Phase, SideTasks, State, Traffic
from tealmesh.model.rollout.plan import PlannedStage
from tealmesh.model.traffic.parts import Part
from tealmesh.model.traffic.windows import Counts, Judged, SideWindow, Window
from tealmesh.rollout.gates.preflight import Before
from tealmesh.rollout.machine.limits import LIMITS
from tealmesh.rollout.planning import replacing
from tealmesh.rollout.planning.facts import known
from tealmesh.rollout.planning.past import Past, Portion, past
from tealmesh.rollout.planning.present import present
from tealmesh.rollout.planning.stages import stages, way_back
from tests.rollout.machine.walking import created

TRAFFIC = Traffic(requests=300, seconds=30.0, reporters=2)


def planned(**strategy: object) -> Deployment:
    canary = Strategy("canary", (10, 50, 100), step_time=5.0, bake_time=7.0)
    return replace(created(), strategy=replace(canary, **strategy), gates=Gates())  # type: ignore[arg-type]


def planned_stages(
    d: Deployment, seen: Traffic, before: Past | None = None
) -> tuple[PlannedStage, ...]:
    return stages(d, present(seen, (), before), before or Past())


def test_every_step_waits_for_its_requests_at_the_present_traffic() -> None:
    found = planned_stages(planned(), TRAFFIC)
    steps = [stage for stage in found if stage.phase is Phase.PRODUCTION_TRAFFIC_SHIFT]
    assert [step.weight for step in steps] == [10, 50, 100]
    # 100 requests: at 1 a second, at 5 a second, at 10 a second. Before, the weights are set;
    # afterwards it is looked at.
    assert [step.expected for step in steps[::2]] == [100.75, 10.75]
    assert {step.longest for step in steps} == {305.0}
    assert steps[0].expected_by == "100 requests at 1.0 a second"


def test_without_traffic_nobody_knows_how_long_a_step_takes() -> None:
    for seen in (Traffic(), Traffic(seconds=30.0)):
        steps = [s for s in planned_stages(planned(), seen) if s.weight]
        assert [step.expected for step in steps] == [None, None, None]
    needless = replace(planned(), gates=Gates(min_requests=0))
    assert [s.expected for s in planned_stages(needless, Traffic()) if s.weight] == [
        5.75,
        5.75,
        5.75,
    ]


@given(
    st.lists(st.integers(1, 99), unique=True, max_size=6).map(lambda s: (*sorted(s), 100)),
    st.integers(0, 1000),
    st.integers(0, 100_000),
    st.booleans(),
)
def test_every_stage_is_in_order_and_within_its_limit_or_said_to_be_longer(
    steps: tuple[int, ...], least: int, requests: int, approval: bool
) -> None:
    d = replace(planned(steps=steps), gates=Gates(min_requests=least, approval=approval))
    found = planned_stages(d, Traffic(requests=requests, seconds=30.0))
    phases = [stage.phase for stage in found]
    order = list(Phase)
    assert [order.index(phase) for phase in phases] == sorted(order.index(p) for p in phases)
    assert [stage.weight for stage in found if stage.weight] == list(steps)
    assert all(stage.title and stage.waits_for and stage.otherwise for stage in found)
    waits_for_person = [stage for stage in found if stage.title == "wait for approval"]
    assert len(waits_for_person) == approval
    for stage in found:
        assert (stage.longest is None) == (stage in waits_for_person)


def journal(*entries: tuple[State | str, float]) -> list[JournalEntry]:
    d = created()
    return [
        JournalEntry(d.id, n, at, str(what), Phase.SCALE_UP, d.status, "")
        for n, (what, at) in enumerate(entries)
    ]


def test_a_plan_goes_by_the_last_deployments() -> None:
    whole = journal(
        (State.CREATED, 0.0),
        (State.SCALING_UP, 1.0),
        (State.ADDING_TARGET, 4.0),
        (State.CONVERGING_TARGET, 4.5),
        (State.VERIFYING, 5.0),
        (State.AWAITING_APPROVAL, 5.5),
        (State.VERIFYING, 905.0),
        (State.SHIFTING, 905.5),
        (State.CONVERGING, 905.7),
        (State.MEASURING, 906.0),
        (State.BAKING, 920.0),
        (State.CLEANING_UP, 925.0),
        (State.SUCCEEDED, 928.0),
    )
    failed = journal(
        (State.CREATED, 0.0),
        (State.SCALING_UP, 3.0),
        (State.ADDING_TARGET, 8.0),
        (State.ROLLING_BACK, 80.0),
        (State.CONVERGING_BACK, 81.0),
        (State.CLEANING_BACK, 82.0),
        (State.ROLLED_BACK, 84.0),
    )
    before = past([failed, whole], [])
    assert before.taken[State.SCALING_UP] == 4.0, "the median of 3 and 5"
    assert State.AWAITING_APPROVAL not in before.taken, "a person's time is not the deployment's"
    assert before.taken[State.ADDING_TARGET] == 0.5, "what was cut short tells nothing"
    found = {stage.phase: stage for stage in planned_stages(planned(), TRAFFIC, before)}
    assert found[Phase.SCALE_UP].expected == 6.0
    assert found[Phase.TEST_TRAFFIC_SHIFT].expected == 1.5
    assert found[Phase.CLEAN_UP].expected == 3.0


def test_a_restart_and_a_pause_are_no_measure() -> None:
    told = journal(
        (State.SCALING_UP, 0.0),
        ("RESUMED", 50.0),
        (State.ADDING_TARGET, 52.0),
        (State.CONVERGING_TARGET, 53.0),
        ("PAUSED", 53.1),
        (State.VERIFYING, 99.0),
    )
    assert set(past([told], []).taken) == {State.ADDING_TARGET}


def test_the_limits_are_those_of_the_machine() -> None:
    found = {stage.phase: stage for stage in planned_stages(planned(start_timeout=42.0), TRAFFIC)}
    assert found[Phase.SCALE_UP].longest == 42.0
    assert found[Phase.BAKE_TIME].longest == 307.0
    assert State.BAKING in LIMITS


@pytest.mark.parametrize(
    ("problem", "image", "force", "bearing"),
    [
        ("", "web:2", False, "ok"),
        ("no command for it", "web:2", False, "refused"),
        ("", "web:1", False, "done"),
        ("", "web:1", True, "note"),
    ],
)
def test_what_is_known_of_the_image(problem: str, image: str, force: bool, bearing: str) -> None:
    tasks = SideTasks(desired=3, running=3, healthy=3, image="web:1")
    before = Before("web", "blue", tasks, TRAFFIC)
    found = {
        one.about: one
        for one in known(
            before, replace(planned(), new_image=image), present(TRAFFIC), problem, force
        )
    }
    assert found["image"].bearing == bearing
    assert found["tasks"].bearing == "ok"
    assert found["traffic"].detail == "10.0 requests a second in the last 30 s, none failed"


def test_hooks_and_queries_are_waited_for_at_their_stages() -> None:
    hooks = (
        Hook("PRE_SCALE_UP", "tickets", command=("true",)),
        Hook("PRODUCTION_TRAFFIC_SHIFT", "smoke", "after", command=("true",)),
        Hook("CLEAN_UP", "tell", command=("true",)),
    )
    query = PrometheusGate("lag", "http://127.0.0.1:9090", "lag", "< 5")
    d = replace(planned(), gates=Gates(hooks=hooks, prometheus=(query,)))
    found = planned_stages(d, TRAFFIC)
    waits = {stage.title: stage.waits_for for stage in found}
    assert "hook tickets passes (PRE_SCALE_UP)" in waits["start 3 tasks of green"]
    for stage in found:
        if stage.title.startswith("step"):
            assert "hook smoke passes (after PRODUCTION_TRAFFIC_SHIFT)" in stage.waits_for
            assert "lag: its value is < 5" in stage.waits_for
    # One that is only told is not waited for.
    assert not any("hook tell" in wait for stage in found for wait in stage.waits_for)


def test_a_side_that_is_kept_is_stopped_later() -> None:
    last = planned_stages(planned(keep_old=7200.0), TRAFFIC)[-1]
    assert last.title == "succeed, and keep blue for 2 h without weight"
    assert (last.expected, last.longest) == (0.0, 0.0)
    assert "blue is kept for 2 h" in way_back(planned(keep_old=7200.0))


def test_all_the_weight_waits_for_a_verdict() -> None:
    seen = Traffic(requests=300, failures=3, seconds=30.0, reporters=2)
    d = planned(steps=(10, 50, 100))
    first, before, last = [s for s in planned_stages(d, seen) if s.weight]
    assert "shown to be no worse" in "".join(before.waits_for)
    assert "compared with blue" in "".join(first.waits_for)
    assert not any("compared" in wait for wait in last.waits_for)
    assert before.expected is not None
    assert "verdict" in before.expected_by
    # More traffic, a sooner verdict.
    more = replace(seen, requests=30_000, failures=300)
    sooner = [s for s in planned_stages(d, more) if s.weight][1]
    assert sooner.expected is not None
    assert sooner.expected < before.expected
    alone = replace(d, gates=replace(d.gates, compare=False))
    assert not any("compared" in w for s in planned_stages(alone, seen) for w in s.waits_for)
    assert [s for s in planned_stages(alone, seen) if s.weight][1].expected == 20.75


def test_parts_that_are_watched_are_waited_for_too() -> None:
    d = planned(steps=(10, 50, 100))
    d = replace(d, gates=replace(d.gates, watch=(Part(method="POST"),)))
    first, before, last = [s.waits_for for s in planned_stages(d, TRAFFIC) if s.weight]
    wait = "errors of POST: the same, later by as much as it is rarer, unless it is less than 1 %"
    assert [any(wait in one for one in step) for step in (first, before, last)] == [
        False, True, False
    ]  # fmt: skip
    assert all("success-rate of POST: 99 % of it succeeds" in step for step in (first, last))


def test_a_deployment_that_is_replaced_gives_its_weight_back_first() -> None:
    running = replace(created(), number=7, state=State.SCALING_UP)
    weightless = replacing.stage(running, Past())
    assert weightless.title == "end deployment 7, of web:2 to green, which has given no weight"
    assert (weightless.expected, replacing.serves_then(running)) == (0.0, "blue")
    shifted = replace(running, state=State.MEASURING, weights={"blue": 90, "green": 10})
    before = past([journal((State.ROLLING_BACK, 0.0), (State.CONVERGING_BACK, 0.5),
                           (State.CLEANING_BACK, 0.75))], [])  # fmt: skip
    back = replacing.stage(shifted, before)
    assert back.title.endswith("blue gets all the weight again")
    assert back.expected == 0.75
    over = replace(shifted, state=State.CLEANING_UP, weights={"green": 100})
    assert replacing.serves_then(over) == "green"
    assert replacing.stage(over, before).expected == 0.0


def test_parts_are_known_by_the_windows_of_earlier_deployments() -> None:
    side = SideWindow(requests=100, by_part={"POST": (Counts(15, 3), Counts(5))})
    idle = SideWindow(by_part={"POST": ()})
    phi = {"errors": Judged("PASS", 0.0, 4.6, 0.0, 3.0, 3.0, 2.5)}
    window = Window(0, 0, 0.0, 10.0, {"blue": 75, "green": 25}, side, idle, judged=phi)
    before = past([], [[], [window]])
    assert before.portions == {"POST": Portion(0.2, 0.15)}
    assert before.phi == {"errors": 2.5}
    once = replace(window, judged={"errors": replace(phi["errors"], phi=40.0)})
    bake = replace(window, judged={})
    assert past([], [[once], [window, bake], [window]]).phi == {"errors": 2.5}


def test_traffic_is_that_of_all_sides_as_another_may_have_served_a_moment_ago() -> None:
    green = Traffic(requests=600, failures=60, seconds=30.0)
    assert present(TRAFFIC, [green]).rate == 30.0
    assert present(TRAFFIC, [green]).whole.base == 0.0
