"""Which hooks of a deployment are to be asked now, in which order. Pure.

Hooks of one group are asked at the same time. A group begins when all of the one before have
passed, and the deployment goes on when all have.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tealmesh.model.config.outside import LASTING, TOLD, Hook
from tealmesh.model.rollout import Deployment, State
from tealmesh.model.said import say
from tealmesh.rollout.effects import Observed
from tealmesh.rollout.gates import assess
from tealmesh.rollout.machine import beside
from tealmesh.rollout.machine.wording import all_pass

MOST_TOLD_TRIES = 4
"""How often a hook that is only told is tried, unless its ``retries`` say."""


@dataclass(frozen=True)
class Due:
    """A hook that is to be asked."""

    hook: Hook
    index: int
    """Its place among the hooks of the service."""
    step: int = 0
    """Index of the step that it is asked for; 0 at stages that come once."""

    @property
    def gate(self) -> str:
        """What its verdict is called."""
        return f"hook {self.hook.name}"

    @property
    def told(self) -> bool:
        """Whether its answer changes nothing."""
        return self.hook.stage in TOLD

    def identity(self, deployment: str) -> str:
        """The same for each try, also after a restart: receivers know repetitions by it."""
        return f"{deployment}-{self.hook.stage}-{self.step}-{self.index}"


@dataclass(frozen=True)
class Group:
    """Hooks that are asked at the same time."""

    hooks: tuple[Due, ...]
    waits_for: str = ""
    """What has to be before they are asked; empty if they may be."""


def before(d: Deployment) -> tuple[Group, ...]:
    """The hooks that must have passed before the effect of the deployment's state is performed."""
    if not d.gated:
        return ()
    match d.state:
        case State.CREATED:
            return _groups(d, ("PRE_SCALE_UP", ""))
        case State.ADDING_TARGET:
            return _groups(d, ("POST_SCALE_UP", ""), ("TEST_TRAFFIC_SHIFT", "before"))
        case State.SHIFTING if not _rescues(d):
            first = _groups(d, ("PRE_PRODUCTION_TRAFFIC_SHIFT", ""))
            return (*first, *_groups(d, ("PRODUCTION_TRAFFIC_SHIFT", "before"), step=d.step))
    return ()


def during(d: Deployment, seen: Observed, now: float) -> tuple[Group, ...]:
    """The hooks that must have passed before the deployment leaves its state, in which it looks."""
    if not d.gated:
        return ()
    match d.state:
        case State.VERIFYING:
            tests = _groups(d, ("TEST_TRAFFIC_SHIFT", "during"))
            if beside.due(d) is not State.MIRRORING:
                tests += _tested(d)
            return tests if _reached(d, seen) else _waiting(tests, say("callers that reach it"))
        case State.MIRRORING:
            time = d.strategy.mirror.time if d.strategy.mirror else 0.0
            mirrored = now - d.since >= time
            return _tested(d) if mirrored else _waiting(_tested(d), say("the copies of requests"))
        case State.MEASURING:
            step = _groups(d, ("PRODUCTION_TRAFFIC_SHIFT", "during"), step=d.step)
            after = _groups(d, ("PRODUCTION_TRAFFIC_SHIFT", "after"), step=d.step)
            if d.step + 1 < len(d.strategy.steps):
                # Asked while the present weights are still judged.
                next_step = d.step + 1
                after += _groups(d, ("PRODUCTION_TRAFFIC_SHIFT", "before"), step=next_step)
            full = now - d.since >= d.step_time
            return (*step, *(after if full else _waiting(after, say("the end of the step's time"))))
        case State.BAKING:
            first = _groups(
                d,
                ("POST_PRODUCTION_TRAFFIC_SHIFT", ""),
                ("BAKE_TIME", "before"),
                ("BAKE_TIME", "during"),
            )
            after = _groups(d, ("BAKE_TIME", "after"))
            baked = now - d.since >= d.strategy.bake_time
            return (*first, *(after if baked else _waiting(after, say("the end of the bake time"))))
    return ()


def _tested(d: Deployment) -> tuple[Group, ...]:
    """The hooks after the tests; and those before production traffic, if a cohort gets that now."""
    after = _groups(d, ("TEST_TRAFFIC_SHIFT", "after"), ("POST_TEST_TRAFFIC_SHIFT", ""))
    cohort = d.strategy.type == "ab" and d.strategy.match and State.COHORT not in d.beside
    return (*after, *(_groups(d, ("PRE_PRODUCTION_TRAFFIC_SHIFT", "")) if cohort else ()))


def told(d: Deployment) -> tuple[Due, ...]:
    """The hooks that are told what the deployment does now, and cannot change it."""
    stage = {State.CLEANING_UP: "CLEAN_UP", State.ROLLING_BACK: "ROLLBACK"}.get(d.state)
    if stage is None and d.kind == "ROLLBACK" and d.state is State.SHIFTING and not d.gated:
        stage = "ROLLBACK"
    groups = _groups(d, (stage, "")) if stage else ()
    return tuple(due for group in groups for due in group.hooks)


def _groups(d: Deployment, *points: tuple[str, str], step: int = 0) -> tuple[Group, ...]:
    """The groups of hooks at these stages (with ``when``, if the stage lasts); none are empty."""
    every = list(enumerate(d.gates.hooks))
    found = [
        tuple(Due(hook, index, step) for index, hook in every if _at(hook, stage, when))
        for stage, when in points
    ]
    return tuple(Group(hooks) for hooks in found if hooks)


def _at(hook: Hook, stage: str, when: str) -> bool:
    return hook.stage == stage and (stage not in LASTING or hook.when == when)


def _waiting(groups: Iterable[Group], what: str) -> tuple[Group, ...]:
    return tuple(Group(group.hooks, what) for group in groups)


def _reached(d: Deployment, seen: Observed) -> bool:
    """Whether the new side can be tried: its tasks are healthy, and its callers know."""
    gates = (
        assess.tasks(seen.new, d.desired_count),
        assess.endpoints(seen.new_traffic, d.desired_count),
    )
    return all_pass(gates)


def _rescues(d: Deployment) -> bool:
    """Whether the new side gets the weight since the old one cannot serve: nobody is asked."""
    return d.healthy.get(d.old_side) == 0 and bool(d.healthy.get(d.new_side))
