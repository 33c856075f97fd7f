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
from tealmesh.rollout.gates.assess import counted

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
