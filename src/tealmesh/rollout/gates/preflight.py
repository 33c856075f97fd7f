"""What can be known before a deployment starts, and stands against it. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from tealmesh.model.config.strategies import Strategy
from tealmesh.model.errors import AwsError
from tealmesh.model.rollout import SideTasks, Traffic
from tealmesh.model.said import counted
from tealmesh.model.spans import span as span

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


def notes(before: Before, strategy: Strategy) -> list[str]:
    """What stands against the deployment, one sentence each."""
    return [*_serving(before), *_callers(before, strategy)]


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
