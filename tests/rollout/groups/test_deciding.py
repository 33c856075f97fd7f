"""Any order of what happens to the members of a group, interrupted and resumed, keeps the promises
of a group deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tealmesh.model.rollout import (
    Deployment,
    GroupDeployment,
    GroupMember,
    GroupState,
    Membership,
    State,
)
from tealmesh.rollout import machine
from tealmesh.rollout.effects import Event, FinishAllowed, NotReady, Resumed, SetWeights, WeightsSet
from tealmesh.rollout.groups import deciding
from tealmesh.rollout.machine import grouped
from tests.rollout.machine.walking import TIMEOUT, bad, created, good, hear

WEB, CART, DB, API = "web", "cart", "db", "api"
AFTER = {WEB: (CART, DB), CART: (DB,), DB: (), API: ()}
"""Web calls cart, which calls db; api stands alone."""
COMMITTED = {State.CLEANING_UP, State.SUCCEEDED}


@dataclass
class Play:
    """A group deployment whose members are moved by hand."""

    after: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: AFTER)
    now: float = 1000.0

    def __post_init__(self) -> None:
        first = created(steps=(10, 100))
        member = Membership("shop", "g1", called=("shop",))
        self.members = {
            name: replace(first, id=f"d-{name}", service=name, member=member) for name in self.after
        }
        named = tuple(GroupMember(n, d.id, d.new_image) for n, d in self.members.items())
        self.group = GroupDeployment("g1", "shop", named, self.after, self.now, self.now)

    def hear(self, name: str, event: Event, at: float) -> None:
        self.now = max(self.now, at)
        before = self.members[name]
        if obstacle := machine.obstacle(before):
            event = NotReady(obstacle) if isinstance(event, WeightsSet) else event
        after = hear(before, event, self.now)
        self._check_order(before, after, event)
        self.members[name] = after
        self.decide()

    def decide(self) -> None:
        while True:
            decision = deciding.decide(self.group, self.members, self.now)
            if decision == deciding.Decision(self.group):
                return
            self.apply(decision)

    def apply(self, decision: deciding.Decision) -> None:
        commits = any(isinstance(e, FinishAllowed) for e in decision.events.values())
        if commits and self.group.state is not GroupState.FINISHING:
            assert set(decision.events) == set(self.members)
        self.group = decision.group
        for name, event in decision.events.items():
            self.members[name] = machine.step(self.members[name], event, self.now)
        committed = {name for name, d in self.members.items() if d.state in COMMITTED}
        if self.group.state in (GroupState.PREPARING, GroupState.SHIFTING):
            assert not committed
        if commits and decision.group.state is GroupState.FINISHING:
            assert committed or not self.members

    def kill(self) -> None:
        """The control plane starts anew: what was observed and not stored is gone."""
        for name, d in self.members.items():
            if d.finished:
                continue
            lost = replace(d, member=replace(d.member, awaits="")) if d.member else d
            stored = Deployment.from_json(lost.to_json())
            self.members[name] = machine.step(stored, Resumed(), self.now)
        self.group = GroupDeployment.from_json(self.group.to_json())
        self.decide()

    def to_the_end(self) -> None:
        for _ in range(400):
            for name, d in self.members.items():
                if not d.finished:
                    self.hear(name, *good(d, self.now))
            if self.group.finished:
                break
        assert self.group.finished, {n: (d.state, d.waiting_for) for n, d in self.members.items()}
        self.check_end()

    def check_end(self) -> None:
        states = {name: d.state for name, d in self.members.items()}
        match self.group.state:
            case GroupState.SUCCEEDED:
                assert set(states.values()) == {State.SUCCEEDED}
            case GroupState.ROLLED_BACK:
                assert State.SUCCEEDED not in states.values()
                assert not any(weighted(d) for d in self.members.values())
            case _:
                assert self.group.reason

    def _check_order(self, before: Deployment, after: Deployment, event: Event) -> None:
        """Weight comes to a service after those that it calls, and goes before theirs goes."""
        name, effect = after.service, machine.next_effect(after)
        emergency = not before.healthy.get(before.old_side) or not after.healthy.get(after.old_side)
        if isinstance(effect, SetWeights) and after.state is State.SHIFTING and not emergency:
            more = after.weights[after.new_side] > before.weights.get(after.new_side, 0)
            first = before.evidence == ()
            if more and first:
                for called in self.after[name]:
                    assert full(self.members[called]), (name, called, self.members[called].state)
        went = before.state is State.ROLLING_BACK and after.state is State.CONVERGING_BACK
        if went and isinstance(event, WeightsSet) and after.weights[after.old_side] == 100:
            late = self.now - before.entered_at > grouped.BACK_SECONDS
            dead = not before.healthy.get(before.new_side)
            alone = self.group.state is GroupState.FINISHING
            if weighted(before) and not late and not dead and not alone:
                for caller in self.group.before(name):
                    d = self.members[caller]
                    assert not weighted(d) or d.state is State.HELD, (name, caller, d.state)


def weighted(d: Deployment) -> bool:
    return bool(machine.shares(d.seen).get(d.new_side))


def full(d: Deployment) -> bool:
    return machine.shares(d.weights) == {d.new_side: 1.0}


def test_all_finish_and_callees_take_weight_first() -> None:
    play = Play()
    play.to_the_end()
    assert play.group.state is GroupState.SUCCEEDED
    assert [entry.transition for entry in play.group.journal] == [
        "SHIFTING",
        "FINISHING",
        "SUCCEEDED",
    ]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_order_of_what_happens_keeps_the_promises(data: st.DataObject) -> None:
    play = Play()
    for _ in range(data.draw(st.integers(5, 60))):
        running = [name for name, d in play.members.items() if not d.finished]
        if not running:
            break
        name = data.draw(st.sampled_from(running))
        match data.draw(st.integers(0, 19)):
            case 0:
                options = list(bad(play.members[name], play.now))
                event, at = data.draw(st.sampled_from(options))
                play.hear(name, event, min(at, play.now + TIMEOUT))
            case 1:
                play.kill()
            case 2 if play.group.state in (GroupState.PREPARING, GroupState.SHIFTING):
                steer = deciding.unpaused if play.group.paused_by else deciding.paused
                play.apply(steer(play.group, play.members, "ann", play.now))
                play.decide()
            case _:
                play.hear(name, *good(play.members[name], play.now))
    if play.group.paused_by and not play.group.finished:
        play.apply(deciding.unpaused(play.group, play.members, "ann", play.now))
    play.to_the_end()


def test_a_member_that_fails_takes_all_back_callers_first() -> None:
    play = Play()
    while not (weighted(play.members[WEB]) and play.members[WEB].state is State.MEASURING):
        for name, d in play.members.items():
            play.hear(name, *good(d, play.now))
    orders: list[str] = []
    play.apply(deciding.aborted(play.group, play.members, "ann", play.now))
    play.decide()
    assert {d.state for d in play.members.values()} == {State.ROLLING_BACK}
    for _ in range(20):
        for name, d in play.members.items():
            if not d.finished:
                event, _ = good(d, play.now)
                play.hear(name, event, play.now + 0.1)
                if d.state is State.ROLLING_BACK and play.members[name].state is not d.state:
                    orders.append(name)
    assert orders.index(WEB) < orders.index(CART) < orders.index(DB)
    assert play.group.state is GroupState.ROLLED_BACK
    assert "aborted by ann" in play.group.reason
    assert play.group.aborted_by == "ann"
    left = deciding.given_up(play.group, play.members, "ben", play.now).group
    assert (left.state, left.aborted_by) == (GroupState.STOPPED, "ben")
