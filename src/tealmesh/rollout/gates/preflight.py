"""What can be known before a deployment starts: what stands against it, and what it will wait for.
Pure.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import SideTasks, Traffic
from tealmesh.model.spans import span as span
from tealmesh.rollout.gates import comparison, observing
from tealmesh.rollout.gates.assess import counted
from tealmesh.rollout.gates.comparing import expected_seconds

WINDOW_SECONDS = 30.0
"""The traffic before a deployment by which its waits are estimated."""
LEAST_SECONDS = 5.0
"""Less of it, as after a start of the control plane, tells nothing."""


ImageProblem = Callable[[str], Awaitable[str]]
"""Why tasks of an image could not be started, for people; empty if they can be, or if nobody knows
before they are."""


async def none_known(image: str) -> str:
    """An `ImageProblem` of those who cannot know."""
    return ""


@dataclass(frozen=True)
class Before:
    """A service before its deployment."""

    service: str
    active: str
    """The side with the weight."""
    tasks: SideTasks
    """The tasks of that side."""
    traffic: Traffic
    """What its callers saw in the last `WINDOW_SECONDS`."""
    url: str = ""
    """Where requests to the service can be sent; empty if no gateway of teal.toml leads there."""


def refuse_running(before: Before, image: str) -> None:
    """Raise AlreadyRunsException if the service runs the image, and well."""
    if before.tasks.image == image and before.tasks.healthy >= max(1, before.tasks.desired):
        raise AwsError(
            "AlreadyRunsException",
            f"{before.service} already runs {image} on {before.active}: nothing to deploy "
            "(`--force` deploys it again)",
        )


def notes(before: Before, strategy: Strategy, gates: Gates) -> list[str]:
    """What whoever starts the deployment should know, one sentence each."""
    return [*_serving(before), *_callers(before, strategy), *_traffic(before, strategy, gates)]


def _serving(before: Before) -> Iterator[str]:
    if before.tasks.desired and not before.tasks.healthy:
        desired = counted(before.tasks.desired, "task")
        yield (
            f"nothing serves {before.service} now: none of the {desired} of {before.active} is "
            "healthy"
        )


def _callers(before: Before, strategy: Strategy) -> Iterator[str]:
    if not before.traffic.reporters:
        yield (
            f"no Envoy of a caller or gateway reports on {before.service}: without one, the "
            f"deployment rolls back after verify_timeout ({span(strategy.verify_timeout)})"
        )


def _traffic(before: Before, strategy: Strategy, gates: Gates) -> Iterator[str]:
    seen = before.traffic
    if not gates.min_requests or seen.seconds < LEAST_SECONDS:
        return
    gates = gates.of_step(strategy.own(0))
    time, timeout = strategy.time_of(0), strategy.timeout_of(0)
    longest = time + timeout
    needed = counted(gates.min_requests, "request")
    rate = seen.requests / seen.seconds
    if not rate:
        yield (
            f"{before.service} got no request in the last {span(seen.seconds)}: each step waits "
            f"for {needed} to the new side and rolls back after {span(longest)} without them: "
            f"send some (`teal load {before.url or 'URL'}`), or set min_requests = 0"
        )
        return
    first = strategy.steps[0]
    expected = gates.min_requests / (rate * first / 100)
    if expected > time:
        rolls_back = ", which is longer than its time limit: it will roll back"
        ends = rolls_back if expected > longest else ""
        yield (
            f"at the present {rate:.1f} requests a second, the step of {first} % takes about "
            f"{span(expected)} to see {needed} on the new side{ends}"
            f" (step_timeout is {span(timeout)})"
        )
        return
    yield from _comparison(seen, strategy, gates)


def _comparison(seen: Traffic, strategy: Strategy, gates: Gates) -> Iterator[str]:
    """That the comparison takes longer than the steps, if it does."""
    steps = compared_steps(strategy)
    if not gates.compare or not steps:
        return
    rate = seen.requests / seen.seconds
    expected = seconds_to_verdict(seen, strategy, gates)
    planned = sum(seconds for _, seconds in steps)
    timeout = strategy.timeout_of(len(steps) - 1)
    at_present = f"at the present {rate:.1f} requests a second"
    if expected is None or expected > planned + timeout:
        takes = f"{span(expected)} from the first weight on" if expected is not None else "for ever"
        yield (
            f"{at_present}, it takes {takes} to show that the new version is no worse, longer than "
            f"its steps before 100 % and step_timeout ({span(timeout)}): without that it rolls "
            "back; give it longer steps or a larger share, or set compare = false"
        )
    elif expected > planned:
        yield (
            f"{at_present}, it takes about {span(expected)} from the first weight on to show that "
            f"the new version is no worse: the step before 100 % waits for that"
        )


def compared_steps(strategy: Strategy) -> list[tuple[float, float]]:
    """The new side's share, 0 to 1, and the seconds of each step before the last."""
    return [
        (percent / 100, strategy.time_of(index))
        for index, percent in enumerate(strategy.steps)
        if percent < 100
    ]


def seconds_to_verdict(seen: Traffic, strategy: Strategy, gates: Gates) -> float | None:
    """How long the comparison takes to pass a version that is as good as the present one, from its
    first weight on, by the traffic before. None if that cannot be expected.
    """
    steps = compared_steps(strategy)
    if not steps or not seen.requests or not seen.seconds:
        return None
    wanted = comparison.settings(gates, observing.ERRORS)
    base = seen.failures / seen.requests
    return expected_seconds(wanted, seen.requests / seen.seconds, base, steps)
