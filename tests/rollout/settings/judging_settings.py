"""Rows of `test_settings_have_effects` for how both sides are compared and judged."""

from __future__ import annotations

from dataclasses import replace

from tealmesh.model.config import nouns, strategies
from tealmesh.model.rollout import Deployment, SideTasks, State, StepEvidence, Traffic
from tealmesh.model.traffic.windows import Counts, SideWindow
from tealmesh.rollout import machine
from tealmesh.rollout.effects import LiveRoute, Looked, Observed, Seen
from tealmesh.rollout.machine import windows as windows_of
from tests.rollout.machine.walking import created

STRATEGY, GATES = ("services", "web", "strategy"), ("services", "web", "gates")
GOOD = SideTasks(desired=3, running=3, healthy=3)


def web(config: nouns.TealConfig) -> Deployment:
    """A deployment of web by its gates, at a first step of ten percent."""
    service = config.services["web"]
    weights = {"blue": 90, "green": 10}
    return replace(
        created(now=1000.0),
        strategy=replace(service.strategy, type="canary", steps=(10, 100)),
        gates=service.gates,
        state=State.MEASURING,
        weights=weights,
        acknowledged=weights,
        since=1000.0,
        evidence=(StepEvidence(0, weights, 0.1, 1000.0),),
    )


def compared(config: nouns.TealConfig, failures: int, seconds: float = 11.0) -> Deployment:
    """A deployment of web, of which blue had ten failures of ten thousand meanwhile, and green so
    many of a thousand.
    """
    d = web(config)
    quiet = SideWindow(60_000, 60, by_second=(Counts(1_000, 1),) * 60)
    d = windows_of.before(d, Observed(GOOD, GOOD, old_window=quiet))
    d = windows_of.opened(d, 1000.0, every=1.0)
    seen = Observed(
        GOOD,
        GOOD,
        Traffic(10_000, 10, 10_000, reporters=2, timed=10_000, bounds=(50.0,), buckets=(9990,)),
        Traffic(1_000, failures, 1_000, reporters=2, timed=1_000, bounds=(50.0,), buckets=(900,)),
        at=1000.0 + seconds,
        old_window=SideWindow(10_000, 10, by_second=(Counts(1_000, 1),) * 10),
        new_window=SideWindow(1_000, failures, by_second=(Counts(100, failures // 10),) * 10),
    )
    return machine.step(d, seen, 1000.0 + seconds)


def undecided(config: nouns.TealConfig, seconds: float) -> Deployment:
    """The same when it could not be compared until now."""
    d = compared(config, 0, 1.0)
    d = replace(d, phase_at=1000.0, since=1000.0)
    few = Traffic(1_000, 0, 1_000, reporters=2, seen_until=1000.0 + seconds)
    seen = Observed(GOOD, GOOD, replace(few, requests=9_000), few, at=d.comparison.opened_at)
    return machine.step(d, seen, 1000.0 + seconds)


def broken(config: nouns.TealConfig) -> bool:
    """Whether sixty failures of a thousand are too many at once, if many may fail."""
    d = web(config)
    d = replace(d, gates=replace(d.gates, success_rate=0.5))
    few = Traffic(1_000, 60, 1_000, reporters=2, seen_until=1001.0)
    seen = Observed(GOOD, GOOD, replace(few, requests=9_000, failures=0), few, at=1001.0)
    return "breaker" in machine.step(d, seen, 1001.0).reason


def held(config: nouns.TealConfig) -> float | None:
    """How long a deployment without a verdict is held, if that is not the default."""
    service = config.services["web"]
    wanted = replace(service, strategy=replace(service.strategy, on_no_verdict="hold"))
    d = undecided(replace(config, services={"web": wanted}), 311)
    assert d.state is State.HELD
    assert d.seconds_left is not None
    seen = Looked(Seen(LiveRoute(d.weights, 1), GOOD, replace(GOOD, image=d.new_image)))
    limit = d.seconds_left
    assert machine.step(d, seen, d.entered_at + limit - 1).state is State.HELD
    assert "hold_timeout" in machine.step(d, seen, d.entered_at + limit + 1).reason
    return None if limit == strategies.Strategy().hold_timeout else limit


ROWS = {
    (strategies.Strategy, "hold_timeout"): (
        (*STRATEGY, "hold_timeout"), "40s", lambda b, a: held(b) is None and held(a) == 40.0,
    ),
    (strategies.Strategy, "warm_up"): (
        (*STRATEGY, "warm_up"), "20s",
        lambda b, a: compared(b, 200).state is State.ROLLING_BACK
        and compared(a, 200).state is State.MEASURING,
    ),
    (strategies.Strategy, "on_no_verdict"): (
        (*STRATEGY, "on_no_verdict"), "hold",
        lambda b, a: undecided(b, 311).state is State.ROLLING_BACK
        and undecided(a, 309).state is State.MEASURING and undecided(a, 311).state is State.HELD,
    ),
    (strategies.Gates, "compare"): (
        (*GATES, "compare"), False,
        lambda b, a: compared(b, 10).state is State.ROLLING_BACK
        and compared(a, 10).state is State.SHIFTING,
    ),
    (strategies.Gates, "alpha"): (
        (*GATES, "alpha"), 1e-12,
        lambda b, a: compared(b, 10).state is State.ROLLING_BACK
        and compared(a, 10).state is State.MEASURING,
    ),
    (strategies.Gates, "beta"): (
        (*GATES, "beta"), 1e-12,
        lambda b, a: compared(b, 1).state is State.SHIFTING
        and compared(a, 1).state is State.MEASURING,
    ),
    (strategies.Gates, "margin"): (
        (*GATES, "margin"), 9,
        lambda b, a: compared(b, 10).state is State.ROLLING_BACK
        and compared(a, 10).state is State.MEASURING,
    ),
    (strategies.Gates, "breaker"): (
        (*GATES, "breaker"), 0.05,
        lambda b, a: not broken(b) and broken(a),
    ),
    (strategies.Gates, "latency"): (
        (*GATES, "latency"), [{"quantile": 0.99, "below": "50ms"}],
        lambda b, a: compared(b, 1).state is State.SHIFTING
        and "latency-p99" in compared(a, 1).reason,
    ),
}  # fmt: skip
