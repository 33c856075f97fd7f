"""Before every effect, a look at what is: a side that cannot serve loses its weight at once, and
what somebody else has changed holds the deployment. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tealmesh.model.rollout import Deployment, SideTasks, State
from tealmesh.model.said import listed, say
from tealmesh.rollout.effects import LiveRoute, Seen, shares
from tealmesh.rollout.machine import capacity, elsewhere, grouped
from tealmesh.rollout.machine.frozen import replace
from tealmesh.rollout.machine.limits import RESUME_SECONDS
from tealmesh.rollout.machine.transitions import (
    BACKWARD,
    FINAL,
    SETTING,
    approval,
    decision,
    enter,
    gets_all,
    hold,
    midway,
    roll_back,
    shift,
    wait,
)
from tealmesh.rollout.machine.wording import shown


@dataclass(frozen=True)
class Change:
    """Something that is not as the deployment left it."""

    of: Literal["route", "tasks", "node"]
    what: str
    """In words, up to where the words name who did it."""
    rest: str = ""
    """The words after that."""


def look(d: Deployment, seen: Seen, now: float) -> Deployment:
    """The deployment after a look at the world."""
    d = grouped.patient(noted(d, seen, now), now)
    changed = change(d, seen)
    by = say(" by {by}", by=seen.by) if seen.by else ""
    told = say("{what}{by}{rest}", what=changed.what, by=by, rest=changed.rest) if changed else ""
    if d.state is State.HELD:
        return wait(d, now, decision(d))
    if d.state is State.AWAITING_APPROVAL and not midway(d):
        return hold(d, now, told) if told else replace(d, waiting_for=approval(d), updated_at=now)
    able = rescuer(d)
    if able:
        dead = d.new_side if able == d.old_side else d.old_side
        why = say(
            "{dead} has weight and no healthy task{last_words}",
            dead=dead,
            last_words=_last_words(d, dead, seen),
        )
        return _give_all(d, able, say("{told}; {why}", told=told, why=why) if told else why, now)
    if told:
        return hold(d, now, told)
    if d.state is State.SHIFTING and d.healthy.get(d.new_side) == 0:
        words = _last_words(d, d.new_side, seen)
        return roll_back(
            d,
            now,
            say(
                "{new_side} has no healthy task to give weight to{words}",
                new_side=d.new_side,
                words=words,
            ),
        )
    if d.state in (State.CLEANING_UP, State.CLEANING_BACK):
        return elsewhere.left_running(d, now)
    known = now - d.resumed_at >= RESUME_SECONDS
    return capacity.fitted(d, now) if known else d


def noted(d: Deployment, seen: Seen, now: float) -> Deployment:
    """The deployment with what was seen. Increases of the old side's desired count are followed;
    what teal.toml says of it is not looked at.
    """
    sides = {d.old_side: seen.old, d.new_side: seen.new}
    known = now - d.resumed_at >= RESUME_SECONDS
    weights = {**seen.route.weights, **seen.route.others}
    needed = d.desired_count
    if seen.old.desired > d.old_desired:
        needed = max(needed, seen.old.desired)
    enough = seen.new.desired >= needed or seen.new.desired > d.scaled
    return replace(
        d,
        seen=weights,
        live=d.live or weights,
        apart=seen.route.apart,
        elsewhere=seen.route.elsewhere,
        healthy={
            side: _able(d, side, tasks)
            for side, tasks in sides.items()
            if known or tasks.healthy or not tasks.desired
        },
        images={side: tasks.image for side, tasks in sides.items()},
        definitions={**d.definitions, **_definitions(d, sides)},
        desired_count=needed,
        old_desired=seen.old.desired,
        new_desired=seen.new.desired,
        scaled=seen.new.desired if d.scaled and enough else d.scaled,
    )


def _definitions(d: Deployment, sides: Mapping[str, SideTasks]) -> dict[str, str]:
    """The task definitions of the sides that run what the deployment is about."""
    images = {d.old_side: d.old_image, d.new_side: d.new_image}
    return {
        side: tasks.definition
        for side, tasks in sides.items()
        if tasks.definition and tasks.image == images[side]
    }


def change(d: Deployment, seen: Seen) -> Change | None:
    """What somebody else has changed of that which the deployment works on; None for nothing."""
    route = seen.route
    if d.state in FINAL:
        return None
    if d.live and not route.exists:
        return Change("route", say("the route was deleted"))
    others = {node: weight for node, weight in route.others.items() if weight}
    if others:
        return Change(
            "route", say("the route was given other targets, {weights},", weights=shown(others))
        )
    if d.live and route.gone:
        return Change("route", say("route {gone} was deleted", gone=listed(route.gone, " and ")))
    if changed := _weights_changed(d, route):
        return changed
    if d.state in BACKWARD or d.state is State.CREATED or not d.scaled:
        return None
    if d.new_side in route.unmade:
        return Change(
            "node", say("the virtual node of {new_side} was deleted", new_side=d.new_side)
        )
    if seen.new.desired < min(d.scaled, d.desired_count):
        return Change(
            "tasks",
            say(
                "the tasks of {new_side} were changed from {scaled} to {desired}",
                new_side=d.new_side,
                scaled=d.scaled,
                desired=seen.new.desired,
            ),
        )
    return None


def _weights_changed(d: Deployment, route: LiveRoute) -> Change | None:
    """The first route whose shares are not those that the deployment left; each of them counts."""
    if not route.exists or not d.live:
        return None
    routes = route.by_route or {"": route.weights}
    for name, weights in routes.items():
        left = d.left_apart.get(name, d.live)
        ours = [left, *([d.weights] if d.state in SETTING else [])]
        if shares(weights) not in [shares(w) for w in ours]:
            of = say(" of route {name}", name=name) if name else ""
            return Change(
                "route",
                say("the weights{of} were changed to {weights}", of=of, weights=shown(weights)),
                say(" (they were {weights})", weights=shown(left)),
            )
    return None


def rescuer(d: Deployment) -> str:
    """The side that must get all the weight at once, since the other has weight and cannot serve;
    empty if there is none, or if it is being given.
    """
    weighted = shares(d.seen)
    for side, other in ((d.old_side, d.new_side), (d.new_side, d.old_side)):
        needs = weighted.get(other) and d.healthy.get(other) == 0
        if needs and d.healthy.get(side) and not (d.state in SETTING and gets_all(d, side)):
            return side
    return ""


def _give_all(d: Deployment, side: str, why: str, now: float) -> Deployment:
    if side == d.old_side or d.state in BACKWARD:
        return roll_back(d, now, why)
    if d.gated and d.gates.approval and not d.approved:
        return enter(
            d,
            State.AWAITING_APPROVAL,
            now,
            waiting_for=approval(d),
            live=d.seen,
            left_apart=d.apart,
        )
    last = len(d.strategy.steps) - 1
    return shift(
        d,
        now,
        last,
        note=say("{why}: {new_side} gets all the weight at once", why=why, new_side=d.new_side),
    )


def _able(d: Deployment, side: str, tasks: SideTasks) -> int:
    """Healthy tasks of the side's own version."""
    other = side == d.new_side and tasks.image not in ("", d.new_image)
    return 0 if other else tasks.healthy


def _last_words(d: Deployment, side: str, seen: Seen) -> str:
    return (
        say("; {explanation}", explanation=seen.explanation)
        if side == d.new_side and seen.explanation
        else ""
    )
