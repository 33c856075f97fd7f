"""Whatever happens in whatever order, no route of an Envoy leads nowhere, and all arrive."""

from __future__ import annotations

from collections import deque
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tealmesh.envoy.resources import Resource, ResourceSet
from tealmesh.envoy.resources import ResourceType as T
from tealmesh.xds.protocol.barrier import of_type
from tealmesh.xds.protocol.recollection import recollected
from tealmesh.xds.protocol.session import Memory, Send, Session
from tests.support.drills import examples
from tests.xds.protocol.envoy_model import BAD, EnvoyModel

CLUSTERS = ("c0", "c1", "c2", "c3")
ROUTES = ("r0", "r1")


def resource(name: str, version: str, refers_to: tuple[str, ...] = (), *, bad: bool = False):
    version = f"{version}{'!' if bad else ''}"
    return Resource(name, version, BAD if bad else version.encode(), frozenset(refers_to))


@st.composite
def targets(draw: st.DrawFn) -> ResourceSet:
    """A consistent resource set in which, now and then, something is refused by Envoy."""
    names = draw(st.lists(st.sampled_from(CLUSTERS), unique=True, min_size=1))
    used = draw(st.lists(st.sampled_from(ROUTES), unique=True, min_size=1))
    bad = draw(st.sampled_from([None] * 6 + ["cluster", "route", "listener"]))
    numbers = st.sampled_from("01")
    shown = {name: draw(st.sampled_from([(), ("s0",), ("s0", "s1")])) for name in names}
    clusters = [
        resource(n, f"{draw(numbers)}{to}", (n, *to), bad=bad == "cluster" and n == names[0])
        for n, to in shown.items()
    ]
    endpoints = [resource(n, draw(numbers)) for n in names]
    routes = []
    for name in used:
        to = draw(st.lists(st.sampled_from(names), unique=True, min_size=1).map(sorted))
        version = "+".join(to) + draw(numbers)
        routes.append(resource(name, version, tuple(to), bad=bad == "route" and name == used[0]))
    shared = draw(st.booleans())
    pairs = [("l0", tuple(sorted(used)))] if shared else [(f"l{r}", (r,)) for r in sorted(used)]
    own = draw(st.sampled_from([(), ("s1",), ("s2",)]))
    pairs = [(name, (*to, *own)) for name, to in pairs]
    listeners = [
        resource(n, "+".join(to), to, bad=bad == "listener" and n == pairs[0][0]) for n, to in pairs
    ]
    needed = sorted({*own, *(name for to in shown.values() for name in to)})
    secrets = [resource(name, draw(numbers)) for name in needed]
    groups = (clusters, endpoints, listeners, routes, secrets)
    by_name = [{r.name: r for r in group} for group in groups]
    return ResourceSet(*by_name)


class Machine(RuleBasedStateMachine):
    """One Envoy, one control plane and the two directions of the wire between them."""

    @initialize(delta=st.booleans(), slow=st.booleans(), wanted=targets())
    def start(self, delta: bool, slow: bool, wanted: ResourceSet) -> None:
        self.envoy = EnvoyModel(delta=delta, slow=slow)
        self.session = self.new_session(Memory())
        self.to_envoy: deque[Send] = deque()
        self.revision = 0
        self.reconnected = False
        self.good: ResourceSet | None = None
        self.elsewhere = Memory()
        """What another replica knows of this Envoy, from when it was there."""
        self.ran_with: ResourceSet | None = None
        """The newest target that it acknowledged anywhere."""
        self.targets: list[ResourceSet] = []
        """All that there were, which every replica has seen."""
        self.set_target(wanted)

    def new_session(self, memory: Memory) -> Any:
        return Session(delta=self.envoy.delta, memory=memory)

    @rule(wanted=targets())
    def set_target(self, wanted: ResourceSet) -> None:
        self.revision += 1
        self.target = wanted
        self.targets.append(wanted)
        self.session.set_target(wanted, self.revision)

    @rule()
    def read_request(self) -> None:
        if self.envoy.to_control_plane:
            self.session.request(*self.envoy.to_control_plane.popleft())

    @rule()
    def write_response(self) -> None:
        send = self.session.next(now=0.0)
        if send is not None:
            self.to_envoy.append(send)
        if self.session.acknowledged == self.revision:
            self.good = self.ran_with = self.target

    @rule()
    def deliver_response(self) -> None:
        if self.to_envoy:
            self.envoy.receive(self.to_envoy.popleft())

    @rule()
    def warm(self) -> None:
        self.envoy.warm()

    @rule()
    def break_stream(self) -> None:
        """The stream breaks; whatever was in flight is lost."""
        self._reconnect(self.session.memory())

    @precondition(lambda self: self.envoy.delta)
    @rule()
    def restart_control_plane(self) -> None:
        """The control plane forgets its Envoys; the versions that they report are enough."""
        self._reconnect(Memory())
        self.good = None

    @rule()
    def move(self) -> None:
        """The Envoy connects to another replica, which knows what it had when it was there last, or
        else what its node had.
        """
        memory, self.elsewhere = self.elsewhere, self.session.memory()
        claimed = self.envoy.slots[T.CLUSTER].accepted
        if not self.envoy.delta and claimed:
            known = recollected(reversed(self.targets), claimed)
            if known is None:
                self.elsewhere = memory
                return
            memory = known
        self._reconnect(memory)
        self.good = None

    def _reconnect(self, memory: Memory) -> None:
        self.session = self.new_session(memory)
        self.session.set_target(self.target, self.revision)
        self.to_envoy.clear()
        self.envoy.connect()
        self.reconnected = True

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "envoy"):
            assert self.envoy.lost_routes() == []

    @invariant()
    def it_never_goes_back_further_than_it_must(self) -> None:
        if hasattr(self, "envoy"):
            assert self.gone_back_to() in (None, self.ran_with)

    def gone_back_to(self) -> ResourceSet | None:
        """The former target that is being sent, because the Envoy refuses the present one."""
        session = self.session if isinstance(self.session, Session) else self.session.at.session
        return None if session._target is session._desired else session._target

    @rule()
    def all_arrives(self) -> None:
        """If nothing new happens, the Envoy soon runs with the target, or the last good one."""
        for _ in range(200):
            self._exchange()
            if self._quiet():
                break
            if not (self.to_envoy or self.envoy.to_control_plane):
                self.envoy.warm(timeout=True)
            self.nothing_is_lost()
        else:
            raise AssertionError("it goes on for ever")
        self._check_end()

    def _exchange(self) -> None:
        while self.envoy.to_control_plane:
            self.read_request()
        before = len(self.to_envoy)
        self.write_response()
        if len(self.to_envoy) == before:
            self.deliver_response()
            self.envoy.warm()

    def _quiet(self) -> bool:
        pending = self.to_envoy or self.envoy.to_control_plane or self.envoy.warming
        return not pending and self.session.next(now=0.0) is None

    def _check_end(self) -> None:
        if not self.reconnected:
            assert self.envoy.timeouts == 0, "a cluster waited in vain for its endpoints"
        bad = [r for t in T for r in of_type(self.target, t).values() if r.body == BAD]
        if not bad:
            assert self.session.acknowledged == self.revision
            self._check_holds(self.target)
        elif self.session.rejections and self.good is not None:
            assert self.session.acknowledged < self.revision
            self._check_holds(self.good)
        else:
            assert self.session.acknowledged < self.revision or self._unused(bad)

    def _unused(self, bad: list[Resource]) -> bool:
        held = [r for t in T for r in self.envoy.holds(t).values()]
        return all(r in held for r in bad)

    def _check_holds(self, resources: ResourceSet) -> None:
        for type_ in T:
            assert self.envoy.holds(type_) == of_type(resources, type_), type_


Machine.TestCase.settings = settings(
    max_examples=examples(150), stateful_step_count=40, deadline=None
)
TestSession = Machine.TestCase
