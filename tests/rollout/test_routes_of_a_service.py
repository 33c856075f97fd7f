"""Which routes of a router are a service's, and that they are shifted as one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import Deployment, SideTasks, State
from tealmesh.rollout import beginning
from tealmesh.rollout.adopted import MeshService
from tealmesh.rollout.discovery import discover
from tealmesh.rollout.discovery.routes import by_priority
from tealmesh.rollout.drivers.route import together
from tealmesh.rollout.effects import LiveRoute, Looked, Seen, TakenOver, WeightsSet, shares
from tealmesh.rollout.machine import change, step
from tests.rollout.outside import begun
from tests.rollout.states import State as MeshState
from tests.rollout.states import article

BLUE, GREEN = "sample-blue", "sample-green"


def found(*routes: dict[str, int], state: MeshState | None = None) -> MeshService:
    made = state or article("blue", "green")
    made.service("sample.m.local", "sample", *routes)
    (service,) = discover(made.view)
    return service


@pytest.mark.parametrize(
    ("routes", "own"),
    [
        # All that lead to its sides and to nothing else.
        ([{BLUE: 1, GREEN: 0}, {BLUE: 100}, {GREEN: 0, BLUE: 5}], ("r0", "r1", "r2")),
        # Another one's route on the same router.
        ([{BLUE: 1, GREEN: 0}, {"legacy": 1}], ("r0",)),
        ([{BLUE: 1, GREEN: 0}, {BLUE: 1, "legacy": 0}], None),
        # No route leads to both: the word by which sides are named tells.
        ([{BLUE: 1}, {GREEN: 1}], ("r0", "r1")),
        ([{BLUE: 1}, {BLUE: 1}], ("r0", "r1")),
        ([{BLUE: 1}, {"legacy": 1}], ("r0",)),
        ([{"one": 1}, {"other": 1}], None),
        # Two pairs on one router: which is meant is not clear.
        ([{BLUE: 1, GREEN: 0}, {"a": 1, "b": 0}], None),
    ],
)
def test_the_routes_of_a_service(routes: list[dict[str, int]], own: tuple[str, ...] | None) -> None:
    service = found(*routes)
    assert service.routes == (own or ())
    if own is None:
        listed = ", ".join(f"r{number}" for number in range(len(routes)))
        assert f"router sample has {len(routes)} routes ({listed})" in service.problem
        assert "`teal adopt sample --route ROUTE`, once for each" in service.problem
    else:
        assert (service.sides, service.problem) == (("blue", "green"), "")


def test_routes_are_told_and_what_is_told_must_be_there() -> None:
    state = article("blue", "green")
    state.told("sample", routes=["r0", "r2"])
    routes = [{BLUE: 1, GREEN: 0}, {GREEN: 1}, {BLUE: 1}]
    assert found(*routes, state=state).routes == ("r0", "r2")
    state.told("sample", routes=["r0", "r7", "r8"])
    assert "has no route r7, r8 (known: r0, r1, r2)" in found(*routes, state=state).problem


def test_several_ports_and_protocols_of_one_router() -> None:
    state = article("blue", "green")
    for node in (BLUE, GREEN):
        state.node(node, "m.local/sample", f"m-{node}")
        listeners: Any = state.view.get("appmesh.virtualNode", "m", node)
        listeners.body["spec"]["listeners"].append({"portMapping": {"port": 9, "protocol": "tcp"}})
    state.service("sample.m.local", "sample", {BLUE: 1, GREEN: 0})
    targets = [{"virtualNode": node, "weight": w, "port": 9} for node, w in ((BLUE, 1), (GREEN, 0))]
    state._put(
        "appmesh.route", "t", {"tcpRoute": {"action": {"weightedTargets": targets}}}, "sample"
    )
    (service,) = discover(state.view)
    assert service.routes == ("r0", "t")
    assert service.listeners == ((8080, "http"), (9, "tcp"))
    assert MeshService.from_json(json.loads(json.dumps(service.to_json()))) == service
    stored: Any = {**service.to_json(), "route": "r0"}  # By an earlier version.
    del stored["routes"], stored["further"]
    earlier = MeshService.from_json(stored)
    assert (earlier.routes, earlier.listeners) == (("r0",), ((8080, "http"),))


def test_one_after_the_other_the_first_matched_is_the_last_changed() -> None:
    specs: Any = {"rest": {}, "b": {"priority": 0}, "a": {"priority": 7}, "c": {"priority": 7}}
    assert by_priority(specs) == ["rest", "a", "c", "b"]


SPLIT = some.fixed_dictionaries({}, optional={s: some.integers(0, 100) for s in ("blue", "green")})


@given(some.dictionaries(some.text("ab", min_size=1, max_size=2), SPLIT, min_size=1, max_size=4))
def test_routes_seen_as_one_hide_no_weight_and_no_difference(by_route: Any) -> None:
    seen = together(by_route)
    for side in ("blue", "green"):
        any_weight = any(weights.get(side) for weights in by_route.values())
        assert bool(seen.get(side)) == any_weight
    alike = len({frozenset(shares(w).items()) for w in by_route.values()}) == 1
    assert (LiveRoute(by_route=by_route).apart == {}) == alike
    if alike:
        assert shares(seen) == shares(next(iter(by_route.values())))


def live(**routes: dict[str, int]) -> LiveRoute:
    return LiveRoute(together(routes), len(routes), by_route=routes)


def looked(d: Deployment, route: LiveRoute) -> Deployment:
    tasks = SideTasks(2, 2, 2)
    return step(d, Looked(Seen(route, tasks, tasks)), d.updated_at + 1)


BEFORE: dict[str, int] = {"blue": 100}
OTHER = {"blue": 0, "green": 100}


def test_a_route_that_somebody_changed_holds_the_deployment_and_is_named() -> None:
    d = begun()
    assert looked(d, live(main=BEFORE, beta={"blue": 1, "green": 0})).state is State.CREATED
    held = looked(d, live(main=BEFORE, beta=OTHER))
    assert held.state is State.HELD
    assert "the weights of route beta were changed to blue=0 green=100 (they were" in held.note
    gone = LiveRoute(BEFORE, 1, by_route={"main": BEFORE}, gone=("beta",))
    assert "route beta was deleted" in looked(d, gone).note


def test_whoever_takes_over_lets_routes_that_stand_apart_become_one() -> None:
    d = looked(begun(), live(main=BEFORE, beta=OTHER))
    d = step(d, TakenOver("ann"), d.updated_at + 1)
    apart = live(main=BEFORE, beta=OTHER)
    looked_again = looked(d, apart)
    assert (looked_again.state, looked_again.left_apart) == (State.CREATED, apart.by_route)
    # A further change is somebody's again, and one more route's too.
    assert change(d, Seen(live(main=OTHER, beta=OTHER), SideTasks(), SideTasks())) is not None
    d = step(Deployment(**{**vars(d), "state": State.ADDING_TARGET, "weights": BEFORE}),
             WeightsSet(2, 1.0), d.updated_at + 1)  # fmt: skip
    assert d.left_apart == {}
    assert change(d, Seen(apart, SideTasks(), SideTasks())) is not None


def test_a_deployment_does_not_begin_with_routes_that_stand_apart() -> None:
    service = found({BLUE: 100, GREEN: 0}, {BLUE: 0, GREEN: 100})
    tasks = {side: SideTasks(1, 1, 1) for side in service.sides}
    with pytest.raises(AwsError) as refusal:
        beginning.active_side(service, live(r0=BEFORE, r1=OTHER), tasks)
    assert "its routes stand at different weights (r0: blue=100; r1: blue=0 green=100)" in str(
        refusal.value
    )
    assert "`teal weights sample blue=WEIGHT green=WEIGHT`" in str(refusal.value)
    assert "`teal adopt sample --route ROUTE`" in str(refusal.value)
    assert beginning.active_side(service, live(r0=BEFORE, r1={"blue": 7}), tasks) == "blue"
