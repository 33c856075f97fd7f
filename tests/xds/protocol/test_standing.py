"""Streams that share their steps do what each would do alone, and what all do is worked out once.

`Shared` runs the property tests of the session on several Envoys at once, whose streams stand
together wherever they can.
"""

from __future__ import annotations

import gc
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tealmesh.envoy.placing import ADDRESS, APP_ADDRESS, Addresses
from tealmesh.envoy.resources import Resource, ResourceSet
from tealmesh.envoy.resources import ResourceType as T
from tealmesh.xds.protocol import standing
from tealmesh.xds.protocol.exchange import Nack, Request
from tealmesh.xds.protocol.own import Own
from tealmesh.xds.protocol.session import Memory, Send
from tealmesh.xds.protocol.shared import SharedSession
from tealmesh.xds.protocol.standing import Standings
from tests.support.drills import examples
from tests.xds.protocol.envoy_model import BAD, EnvoyModel
from tests.xds.protocol.test_session import Machine, resource, targets

ENVOYS = 3
STEPS = (
    "read_request",
    "write_response",
    "deliver_response",
    "warm",
    "break_stream",
    "move",
    "all_arrives",
)


def with_addresses(wanted: ResourceSet) -> ResourceSet:
    """What tasks with addresses of their own have in common: their listeners' names and bodies bear
    one, and one of their clusters.
    """
    listeners = {
        f"{name}_{ADDRESS}": replace(one, name=f"{name}_{ADDRESS}", body=_bearing(one, ADDRESS))
        for name, one in wanted.listeners.items()
    }
    clusters = {
        name: replace(one, body=_bearing(one, APP_ADDRESS)) if name == "c0" else one
        for name, one in wanted.clusters.items()
    }
    return replace(wanted, clusters=clusters, listeners=listeners)


def _bearing(one: Resource, placeholder: str) -> bytes:
    return one.body if one.body == BAD else one.body + placeholder.encode()


def place(one: Resource, addresses: Addresses) -> Resource:
    """As `placing.placed`, of bodies that are no messages."""
    name, body = one.name, one.body
    for placeholder, own in addresses:
        name, body = (
            name.replace(placeholder, own),
            body.replace(placeholder.encode(), own.encode()),
        )
    return replace(one, name=name, body=body)


class Apart:
    """A shared session as one Envoy sees it. ``known`` has an object for each request, as those
    that are known again by their bytes have.
    """

    def __init__(self, session: SharedSession, own: Own, known: dict[object, object]) -> None:
        self._session = session
        self._own = own
        self._known = known

    def __getattr__(self, name: str) -> object:
        return getattr(self._session, name)

    def request(self, type_url: str, request: Request) -> Nack | None:
        known = self._known.setdefault((type_url, request.said), object())
        common = self._own.request(type_url, request)
        return self._session.request(
            type_url, common, request.nonce, known if common is request else None
        )

    def next(self, now: float) -> Send | None:
        send = self._session.next(now)
        return send and replace(send, change=self._own.change(send.change))

    def due(self, now: float) -> list[Send]:
        return [
            replace(send, nonce=nonce, change=self._own.change(send.change))
            for send, nonce in self._session.due(now)
        ]


class Lane(Machine):
    """One Envoy of several."""

    def __init__(self, standings: Standings, own: Own, known: dict[object, object]) -> None:
        super().__init__()
        self.standings = standings
        self.own = own
        self.known = known
        self.at_once = False
        """Whether it is sent all that is due at once."""

    def new_session(self, memory: Memory) -> Apart:
        session = SharedSession(self.standings, memory, delta=self.envoy.delta)
        return Apart(session, self.own, self.known)

    def set_target(self, wanted: ResourceSet) -> None:
        leap = self.session.leap_to(wanted, 0.0) if self.at_once else None
        if leap is None:
            super().set_target(wanted)
            return
        self.revision += 1
        self.target = wanted
        self.targets.append(wanted)
        nonce = self.session.leap(leap, self.revision)
        change = self.own.change(leap.send.change)
        self.to_envoy.append(replace(leap.send, nonce=nonce, change=change))

    def write_response(self) -> None:
        if self.at_once:
            self.to_envoy.extend(self.session.due(now=0.0))
        super().write_response()

    def _unused(self, bad: list[Resource]) -> bool:
        return super()._unused([self.own.resource(one) for one in bad])

    def _check_holds(self, resources: ResourceSet) -> None:
        super()._check_holds(self.own.resources(resources))


class Shared(RuleBasedStateMachine):
    """Several Envoys of one node. Each is given every target, each goes at its own pace, and each
    may have addresses of its own.
    """

    @initialize(
        delta=st.booleans(),
        slow=st.booleans(),
        addressed=st.booleans(),
        at_once=st.lists(st.booleans(), min_size=ENVOYS, max_size=ENVOYS),
        wanted=targets(),
    )
    def start(
        self, delta: bool, slow: bool, addressed: bool, at_once: list[bool], wanted: ResourceSet
    ) -> None:
        standings, known = Standings(delta=delta), dict[object, object]()
        self.addressed = addressed
        self.lanes = [Lane(standings, self._own(number), known) for number in range(ENVOYS)]
        common = self._common(wanted)
        for lane, at in zip(self.lanes, at_once, strict=True):
            lane.at_once = at
            lane.start(delta, slow, common)

    def _own(self, number: int) -> Own:
        if not self.addressed:
            return Own(())
        return Own(((ADDRESS, f"10.0.0.{number}"), (APP_ADDRESS, f"10.1.0.{number}")), place)

    def _common(self, wanted: ResourceSet) -> ResourceSet:
        return with_addresses(wanted) if self.addressed else wanted

    @rule(wanted=targets())
    def set_target(self, wanted: ResourceSet) -> None:
        common = self._common(wanted)
        for lane in self.lanes:
            lane.set_target(common)

    @rule(which=st.integers(0, ENVOYS - 1), step=st.sampled_from(STEPS))
    def one(self, which: int, step: str) -> None:
        getattr(self.lanes[which], step)()

    @rule(step=st.sampled_from(STEPS))
    def together(self, step: str) -> None:
        for lane in self.lanes:
            getattr(lane, step)()

    @rule(which=st.integers(0, ENVOYS - 1))
    def restart(self, which: int) -> None:
        if self.lanes[which].envoy.delta:
            self.lanes[which].restart_control_plane()

    @invariant()
    def nothing_is_lost(self) -> None:
        for lane in getattr(self, "lanes", ()):
            lane.nothing_is_lost()


Shared.TestCase.settings = settings(
    max_examples=examples(60), stateful_step_count=40, deadline=None
)
TestShared = Shared.TestCase


def target(weight: str) -> ResourceSet:
    made = (
        resource("c", "1", ("c",)),
        resource("c", "e"),
        resource("l", "1", ("r",)),
        resource("r", weight, ("c",)),
    )
    clusters, endpoints, listeners, routes = ({one.name: one} for one in made)
    return ResourceSet(clusters, endpoints, listeners, routes)


class Fleet:
    """Envoys of one node, which go on until nothing is left to say."""

    def __init__(self, count: int, *, delta: bool) -> None:
        self.standings = Standings(delta=delta)
        self.delta = delta
        self.lanes = [self._connected(Memory()) for _ in range(count)]
        self.revision = 0

    def _connected(self, memory: Memory) -> tuple[EnvoyModel, SharedSession]:
        return EnvoyModel(delta=self.delta, slow=False), self._session(memory)

    def _session(self, memory: Memory) -> SharedSession:
        return SharedSession(self.standings, memory, delta=self.delta)

    def run_with(self, wanted: ResourceSet, now: float = 0.0) -> int:
        """Give all a target; returns how many steps were worked out."""
        self.revision += 1
        before = self.standings.steps
        for envoy, session in self.lanes:
            session.set_target(wanted, self.revision)
            while True:
                while envoy.to_control_plane:
                    session.request(*envoy.to_control_plane.popleft())
                send = session.next(now)
                if send is None:
                    break
                envoy.receive(send)
            assert session.acknowledged == self.revision
            assert envoy.holds(T.ROUTE) == wanted.routes
        return self.standings.steps - before

    def reconnect(self, which: int) -> None:
        envoy, session = self.lanes[which]
        envoy.connect()
        self.lanes[which] = envoy, self._session(session.memory())


@pytest.mark.parametrize("delta", [True, False])
def test_the_steps_of_one_are_those_of_a_thousand(delta: bool) -> None:
    alone, all_of_them = Fleet(1, delta=delta), Fleet(1000, delta=delta)
    for weight in ("1", "2", "3"):
        wanted = target(weight)
        assert all_of_them.run_with(wanted) == alone.run_with(wanted) > 0


@pytest.mark.parametrize("delta", [True, False])
def test_who_came_later_or_again_stands_with_the_others(delta: bool) -> None:
    fleet = Fleet(3, delta=delta)
    fleet.run_with(target("1"))
    fleet.run_with(target("2"), now=7.0)
    fleet.lanes += [fleet._connected(Memory()) for _ in range(3)]
    for which in range(3):
        fleet.reconnect(which)
    fleet.run_with(target("3"), now=9.5)
    # In the state of the world, an Envoy that came again has no nonce for what it was not sent.
    points = 1 if delta else 2
    assert len({id(session.at) for _, session in fleet.lanes}) == points
    # The target, the response, its acknowledgement, and that no more is due.
    assert fleet.run_with(target("4"), now=11.0) == 4 * points


@pytest.mark.parametrize("delta", [True, False])
def test_a_leap_leads_to_where_the_steps_lead(delta: bool) -> None:
    fleet = Fleet(2, delta=delta)
    fleet.run_with(target("1"))
    (_, one), (_, other) = fleet.lanes
    weight = target("2")
    one.set_target(weight, 2)
    stepped = one.due(0.0)
    leap = other.leap_to(weight, 0.0)
    assert leap is not None
    assert [(leap.send, other.leap(leap, 2))] == stepped
    assert other.at is one.at
    # Nobody leaps to what is more than one response, or warms, or is there already.
    cluster = replace(weight, clusters={"d": resource("d", "1", ("d",))})
    fleet = Fleet(1, delta=delta)
    fleet.run_with(target("1"))
    ((_, session),) = fleet.lanes
    again = target("1")
    assert session.leap_to(cluster, 0.0) is None
    assert session.leap_to(again, 0.0) is None


@pytest.mark.parametrize("delta", [True, False])
def test_when_it_is_matters_only_where_clusters_warm(delta: bool) -> None:
    fleet = Fleet(2, delta=delta)
    fleet.run_with(target("1"))
    first, second = fleet.lanes
    wanted = target("2")
    fleet.lanes = [first]
    assert fleet.run_with(wanted, now=1.0) > 0
    fleet.lanes = [second]
    fleet.revision -= 1
    assert fleet.run_with(wanted, now=7.0) == 0


@pytest.mark.parametrize("delta", [True, False])
def test_where_nobody_stands_any_more_is_forgotten(
    delta: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "_LATEST", 20)
    gc.collect()
    before, fleet, seen = _standings(), Fleet(1, delta=delta), []
    for number in range(200):
        # As in a deployment: what is new begins where all began.
        fleet.lanes.append(fleet._connected(Memory()))
        fleet.lanes = fleet.lanes[-3:]
        fleet.run_with(target(f"{number}"), now=float(number))
        if number % 50 == 49:
            gc.collect()
            seen.append(_standings() - before)
    # Those within reach of where new ones begin, since that was last forgotten, and the latest.
    assert max(seen) <= 4 * 20 + 10, seen


def _standings() -> int:
    """Those of other tests, too."""
    return sum(isinstance(one, standing.Standing) for one in gc.get_objects())
