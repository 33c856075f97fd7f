"""How a service is deployed: strategy and gates, as frozen data with every default applied."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from tealmesh.model.config.beside import Cohort, Mirror, Preview, Sticky
from tealmesh.model.config.outside import CloudWatchGate, Freeze, Hook, PrometheusGate
from tealmesh.model.traffic.parts import Part


@dataclass(frozen=True)
class LatencyObjective:
    """How fast the new side must answer."""

    quantile: float
    """The share of requests that must be fast enough, above 0 and below 1."""
    below: float
    """How long their answers may take, in seconds."""


@dataclass(frozen=True)
class Gates:
    """The conditions for a deployment to continue."""

    success_rate: float = 0.99
    """The least share of requests that succeed, 0 to 1: no 5xx, reset or timeout."""
    min_requests: int = 100
    """How many requests callers must have sent to the new side to judge the rate."""
    approval: bool = False
    """Wait for `teal approve` before production traffic shifts for the first time."""
    approval_timeout: float = 0.0
    """The longest wait for `teal approve`, in seconds; then the deployment rolls back. 0 for no
    limit."""
    compare: bool = True
    """Compare the new side with the old one while both have weight."""
    alpha: float = 0.01
    """The highest share of good versions that the comparison may roll back, above 0, up to 0.5."""
    beta: float = 0.05
    """The highest share of bad versions that the comparison may pass, above 0, up to 0.5."""
    margin: float = 0.0
    """By how much the new side may be worse: with 0.1, it may have 1.1 times the errors' share."""
    breaker: float = 0.5
    """The share of errors above which a deployment rolls back at once; 1 for never."""
    latency: tuple[LatencyObjective, ...] = ()
    """How fast the new side must answer."""
    hooks: tuple[Hook, ...] = ()
    """Webhooks and commands that are asked at the stages of a deployment."""
    prometheus: tuple[PrometheusGate, ...] = ()
    """Queries whose values must be as told while the new side has weight."""
    cloudwatch: tuple[CloudWatchGate, ...] = ()
    """Metrics whose values must be as told while the new side has weight."""
    freeze: tuple[Freeze, ...] = ()
    """Times of the week in which no version gets more weight."""
    directory: str = ""
    """That of the teal.toml which was applied: where commands run, and from where files are
    read."""
    watch: tuple[Part, ...] = ()
    """Parts of the service that are judged by themselves too, so that their failures do not drown
    in the traffic of the others: the requests with a `method`, below a `prefix`, or with a `header`
    of this `value`."""

    def of_step(self, own: StepSettings) -> Gates:
        """The gates of a step that has settings of its own."""
        return replace(
            self,
            success_rate=self.success_rate if own.success_rate is None else own.success_rate,
            min_requests=self.min_requests if own.min_requests is None else own.min_requests,
        )


@dataclass(frozen=True)
class StepSettings:
    """What a step has of its own. What is None is as the strategy and the gates say for all steps.
    Times are in seconds.
    """

    time: float | None = None
    """The least time at the step; None for `step_time`."""
    timeout: float | None = None
    """The longest wait for its gates, on top of its time; None for `step_timeout`."""
    approval: bool = False
    """Wait for `teal approve` before the new side gets this weight."""
    success_rate: float | None = None
    """The least share of requests that succeed; None for that of the gates."""
    min_requests: int | None = None
    """How many requests it takes to judge that; None for that of the gates."""


StrategyType = Literal["bluegreen", "canary", "linear", "ab"]


@dataclass(frozen=True)
class Strategy:
    """How weight moves to the new side. Times are in seconds."""

    type: StrategyType = "bluegreen"
    steps: tuple[int, ...] = (100,)
    """Rising percentages for the new side, ending with 100; blue/green is ``(100,)``."""
    step_time: float = 10.0
    """The least time at each step."""
    bake_time: float = 10.0
    """The time at 100 % before the old side is stopped."""
    start_timeout: float = 300.0
    """The longest wait for the new side's tasks to be healthy; then the deployment rolls back."""
    verify_timeout: float = 300.0
    """The longest wait for the callers' Envoys to reach the new side while it has no weight."""
    step_timeout: float = 300.0
    """The longest wait for the gates of a step, on top of ``step_time``."""
    bake_timeout: float = 300.0
    """The longest wait for the old side to fall silent, on top of ``bake_time``."""
    rollback_timeout: float = 300.0
    """The longest wait to give the weight back; then the rollback has failed."""
    stop_timeout: float = 300.0
    """The longest wait for a side's tasks to stop; then they are left running."""
    warm_up: float = 0.0
    """How long the new side is shown and not judged, from its first weight on."""
    on_no_verdict: Literal["rollback", "hold"] = "rollback"
    """What happens when the comparison has come to no verdict within `step_timeout`."""
    hold_timeout: float = 3600.0
    """How long a deployment without a verdict is held; then it rolls back."""
    preview: Preview | None = field(default_factory=Preview)
    """How requests choose the new side before it has weight; None if they cannot."""
    mirror: Mirror | None = None
    """Which requests are copied to the new side before it gets weight; None for none."""
    match: Cohort | None = None
    """Which requests an A/B deployment sends to the new side, for ``step_time``; None for other
    types."""
    sticky: Sticky | None = None
    """What keeps a user on one side; None for nothing."""
    step_settings: tuple[StepSettings, ...] = ()
    """What each of the steps has of its own; empty if none has anything."""
    keep_old: float = 0.0
    """How long the old side is kept running, without weight, after a deployment has succeeded:
    until then a way back is one change of weights. 0 to stop it at once."""

    def own(self, step: int) -> StepSettings:
        """What the step with this index has of its own."""
        return self.step_settings[step] if step < len(self.step_settings) else StepSettings()

    def time_of(self, step: int) -> float:
        """The least time at a step, by its index."""
        time = self.own(step).time
        return self.step_time if time is None else time

    def timeout_of(self, step: int) -> float:
        """The longest wait for the gates of a step, on top of its time."""
        timeout = self.own(step).timeout
        return self.step_timeout if timeout is None else timeout

    def with_steps(self, kind: StrategyType, steps: tuple[int, ...]) -> Strategy:
        """The strategy with other steps; what the present ones have of their own goes with them."""
        kept = self.step_settings if steps == self.steps else ()
        return replace(self, type=kind, steps=steps, step_settings=kept)
