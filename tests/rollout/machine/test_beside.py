"""Before the first weight and beside it: copies, cohorts, previews, and users who stay."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tealmesh.model.config.beside import Cohort, Mirror, Preview, Sticky
from tealmesh.model.config.strategies import Gates, LatencyObjective, Strategy
from tealmesh.model.errors import AwsError
from tealmesh.model.extensions import RouterExtension
from tealmesh.model.rollout import Comparison, Deployment, JournalEntry, State, Traffic
from tealmesh.model.traffic.windows import Counts
from tealmesh.rollout import extending, machine
from tealmesh.rollout.adopted import MeshService, MeshSide
from tealmesh.rollout.documents import deployment
from tealmesh.rollout.effects import Approved, Event, GivenUp, Observed
from tealmesh.rollout.gates import assess
from tealmesh.store import Transaction, View, tables
from tests.rollout.machine.walking import (
    BESIDE,
    GOOD_TASKS,
    STEP_TIME,
    TIMEOUT,
    created,
    good,
    hear,
    looked,
    observed,
    walked,
)
from tests.rollout.world import Bench, Clock, running_world, system, until_finished

SYSTEM = system()


def until(state: State, **members: object) -> tuple[Deployment, float]:
    """A deployment with copies and a cohort, when it has come to ``state``."""
    d, now = replace(created(beside=True), **members), 1000.0  # type: ignore[arg-type]
    while d.state is not state:
        assert not d.finished, d
        event, now = good(d, now)
        d = hear(machine.step(d, looked(d), now), event, now)
    return d, now


def beside(requests: int, failures: int = 0) -> Event:
    return Observed(GOOD_TASKS, GOOD_TASKS, beside=Traffic(requests, failures))


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (
            Traffic(1000, timed=1000, bounds=(100.0, 500.0), buckets=(100, 900)),
            "latency-p99: WHAT: 10 % of 1,000 answers came within 100 ms, at least 99 % must",
        ),
        (
            Traffic(1000, client_errors=600),
            "breaker: 600 of 1000 WHAT were answered with a client error (4xx), 2 of 500 to the "
            "old one before, more than 50 %",
        ),
    ],
    ids=["slow", "refusing"],
)
@pytest.mark.parametrize("state", [State.MIRRORING, State.COHORT])
def test_what_goes_beside_is_judged_by_latency_and_by_client_errors(
    state: State, seen: Traffic, said: str
) -> None:
    gates = Gates(latency=(LatencyObjective(0.99, 0.1),))
    d, now = until(state)
    d = replace(d, gates=gates, comparison=Comparison(before=Counts(500, 0, 2)))
    after = machine.step(d, Observed(GOOD_TASKS, GOOD_TASKS, beside=seen), now)
    assert after.state is State.ROLLING_BACK
    gate = "mirror" if state is State.MIRRORING else "cohort"
    what = "copies" if gate == "mirror" else "the cohort's requests"
    assert after.reason.startswith(f"{gate} {said.replace('WHAT', what)}"), after.reason


@pytest.mark.parametrize("state", [State.MIRRORING, State.COHORT])
def test_what_goes_beside_lasts_its_time_and_passes_by_fixed_objectives(state: State) -> None:
    d, _ = until(state)
    start = d.since
    early = machine.step(d, beside(1000, 5), start + STEP_TIME - 0.1)
    assert early.state is state
    assert "99.5 % of 1,000 requests succeeded" in early.waiting_for
    few = machine.step(early, beside(44), start + STEP_TIME + 0.1)
    assert few.state is state
    assert "44 of 100 requests" in few.waiting_for
    over = machine.step(few, beside(200), start + STEP_TIME + 5)
    assert over.state is (State.COHORT if state is State.MIRRORING else State.SHIFTING)
    assert over.beside[-1] == state
    assert "200 requests succeeded" in over.beside_verdicts[-1].detail


@pytest.mark.parametrize(
    ("state", "gate", "limit"),
    [
        (State.MIRRORING, "mirror: copies", "verify_timeout of 60 s on top of mirror.time"),
        (State.COHORT, "cohort: the cohort's requests", "step_timeout of 60 s on top of step_time"),
    ],
)
def test_failures_there_roll_back_at_once_and_too_little_at_the_limit(
    state: State, gate: str, limit: str
) -> None:
    d, now = until(state)
    failed = machine.step(d, beside(100, 30), now + 1)
    assert failed.state is State.ROLLING_BACK
    assert f"{gate}: 70 % of 100 requests succeeded" in failed.reason
    assert machine.step(d, beside(3), now + STEP_TIME + TIMEOUT - 1).state is state
    late = machine.step(d, beside(3), now + STEP_TIME + TIMEOUT + 1)
    assert late.state is State.ROLLING_BACK
    assert f"{limit} exceeded" in late.reason
    assert f"{gate}: 3 of 100 requests" in late.reason


def test_without_a_least_number_nothing_is_waited_for() -> None:
    d, now = until(State.MIRRORING, gates=Gates(min_requests=0))
    assert machine.step(d, beside(0), now + STEP_TIME + 1).state is State.COHORT


def test_a_cohort_is_judged_while_a_person_decides() -> None:
    d, now = until(State.AWAITING_APPROVAL, gates=Gates(approval=True))
    assert d.beside == ("MIRRORING", "COHORT")
    assert machine.beside_kind(d) == "cohort"
    assert machine.step(d, beside(50, 20), now + 9999).state is State.ROLLING_BACK
    approved = machine.step(d, Approved(), now + 1)
    assert approved.state is State.VERIFYING
    assert machine.step(approved, observed(approved, now=now), now + 2).state is State.SHIFTING


def states() -> Iterator[Deployment]:
    found = (d for d, _ in walked() if d.strategy == BESIDE)
    # A preview leads to no state of its own.
    return (replace(d, strategy=replace(BESIDE, preview=Preview())) for d in found)


def test_what_is_added_to_the_routes_follows_from_the_state() -> None:
    for d in states():
        made = extending.extension(d, SYSTEM)
        state = State(d.held_in or d.state)
        if state in machine.FINAL | machine.BACKWARD | {State.CLEANING_UP}:
            assert made is None, d.state
            continue
        assert made
        assert (made.side, made.node, made.router) == ("green", "web-green", "web")
        assert made.sticky
        assert bool(made.mirror) == (d.state is State.MIRRORING)
        assert bool(made.preview) == (state not in (State.CREATED, State.SCALING_UP))
        assert bool(made.cohort) == (state is State.COHORT or "COHORT" in d.beside)


def test_a_way_back_has_no_such_thing() -> None:
    d = replace(created(beside=True), gated=False, state=State.CONVERGING)
    assert extending.extension(d, SYSTEM) is None


def test_it_is_written_when_it_changes_and_goes_with_its_deployment() -> None:
    d, now = until(State.MIRRORING)
    t = Transaction(View(1, {}))
    extending.keep(t, d, SYSTEM)
    (document,) = t.list(tables.ROUTER_EXTENSIONS)
    assert RouterExtension.from_json(document.body) == extending.extension(d, SYSTEM)
    after = Transaction(View(2, {tables.ROUTER_EXTENSIONS: {document.key: document}}))
    extending.keep(after, d, SYSTEM)
    extending.keep(after, replace(d, id="another", gated=False), SYSTEM)
    assert list(after.changes()) == []
    extending.keep(after, machine.step(d, GivenUp("tester"), now), None)
    assert after.list(tables.ROUTER_EXTENSIONS) == []


@pytest.mark.parametrize("failing", [False, True])
def test_every_commit_has_what_follows_from_its_state_and_the_last_has_nothing(
    tmp_path: Path, failing: bool
) -> None:
    """A `kill -9` can only fall between commits."""
    strategy = replace(
        BESIDE, step_time=1.0, bake_time=1.0, mirror=Mirror(time=1.0), preview=Preview()
    )
    clock = Clock()
    bench = Bench(tmp_path, clock, running_world(clock), system(strategy, Gates(min_requests=0)))
    if failing:
        bench.driver.failure_rates = {"web:2": 0.5}
    told: dict[str, list[str]] = {}

    async def run() -> None:
        store, _ = bench.open()
        await bench.put_system(store)
        store.close()

        def look(entry: JournalEntry) -> None:
            d = deployment(store.view, entry.deployment)
            wanted = extending.extension(d, bench.service)
            bodies = [one.body for one in store.view.list(tables.ROUTER_EXTENSIONS)]
            assert bodies == ([wanted.to_json()] if wanted and not d.finished else [])
            members = ("preview", "mirror", "cohort", "sticky")
            told[entry.transition] = [one for one in members if bodies and bodies[0][one]]

        bench.on_transition = look
        store, controller = bench.open()
        running = asyncio.create_task(controller.run())
        await controller.deploy("me", "web", "web:2")
        await until_finished(store, "web")
        while controller.running("web"):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.001)
        running.cancel()
        store.close()

    asyncio.run(run())
    assert told["SCALING_UP"] == ["sticky"]
    assert told["VERIFYING"] == ["preview", "sticky"]
    assert told["MIRRORING"] == ["preview", "mirror", "sticky"]
    assert told["COHORT"] == told["SHIFTING"] == ["preview", "cohort", "sticky"]
    assert told["ROLLED_BACK" if failing else "SUCCEEDED"] == []


@pytest.mark.parametrize(
    ("protocol", "settings", "named"),
    [
        ("tcp", {"mirror": Mirror()}, "strategy.mirror: must be left out"),
        ("tcp", {"match": Cohort("a", header="b")}, "strategy.match: must be left out"),
        ("tcp", {"sticky": Sticky(header="b")}, "strategy.sticky: must be left out"),
        ("grpc", {"mirror": Mirror()}, "strategy.mirror.methods = ['GET', 'HEAD']: must have"),
    ],
)
def test_what_a_protocol_cannot_do_is_refused_by_name(
    protocol: str, settings: dict[str, object], named: str
) -> None:
    strategy = replace(Strategy(), **settings)  # type: ignore[arg-type]

    class Other:
        name = "web"

    Other.protocol = protocol  # type: ignore[attr-defined]
    with pytest.raises(AwsError, match="web: ") as refused:
        extending.refuse(Other, strategy)  # type: ignore[arg-type]
    assert named in refused.value.message
    extending.refuse(SYSTEM, strategy)


def test_users_who_stay_on_a_side_need_not_send_requests_in_proportion() -> None:
    old, new = Traffic(requests=970), Traffic(requests=30)
    assert assess.share(old, new, 0.1, 100).verdict == "FAIL"
    assert assess.share(old, new, 0.1, 100, sticky=True).verdict == "PASS"
    assert assess.share(old, new, 1.0, 100, sticky=True).verdict == "FAIL"


def test_services_that_others_made_get_the_same_at_their_own_router_and_node() -> None:
    sides = tuple(MeshSide(name, f"shop-{name}-v") for name in ("blue", "green"))
    made = MeshService("shop", "m", "shop.local", "shop-router", "all", 8080, "http", sides)
    d, _ = until(State.COHORT)
    extension = extending.extension(d, made)
    assert extension
    assert (extension.mesh, extension.router, extension.node) == (
        "m",
        "shop-router",
        "shop-green-v",
    )
    assert (extension.service, extension.side) == ("shop", "green")
    assert extension.preview
    assert extension.cohort
