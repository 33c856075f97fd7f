"""What is known of a service that is looked at, and what was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tealmesh.model.config.common import DEFAULT_TIMES
from tealmesh.model.config.nouns import Additions, ServiceConfig, TealConfig
from tealmesh.model.config.strategies import Gates, Strategy

DEFAULT_RETRIES = 2
"""App Mesh's own, where a route has no retry policy:
https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-defaults.html"""


@dataclass(frozen=True)
class Finding:
    """Something that is odd or risky."""

    level: Literal["risk", "odd"]
    """A risk may cost requests or promote a bad version; what is odd is probably not meant."""
    key: str
    """Where to change it, such as ``services.web.strategy.steps``."""
    what: str
    """What it is, with its value."""
    why: str
    """Why that is odd or risky."""
    remedy: str
    """What to do."""


@dataclass(frozen=True)
class Linted:
    """A service. None is for what is not known."""

    key: str
    """Its table in teal.toml, such as ``services.web`` or ``adopted.web``."""
    strategy: Strategy
    gates: Gates
    image: str = ""
    health_path: str | None = None
    health_check: bool | None = None
    """Whether its nodes have a health check."""
    desired: int | None = None
    """Tasks of a side."""
    request_timeout: float | None = None
    """Seconds that a request may take; 0 without a limit."""
    drain_time: float | None = None
    """Seconds that a stopping task gets for what it serves; None for as long as a request may
    take."""
    retries: int | None = None
    """How often a caller's Envoy tries again."""
    requests_per_second: float | None = None
    """To the service, lately."""
    processor: float | None = None
    """The part of its task's processor time that the application gets while the other containers
    want theirs."""
    callers: int | None = None
    """Envoys of callers that report on it."""


def of_config(config: TealConfig | Additions) -> Iterator[Linted]:
    """What a teal.toml says of its services, in its order."""
    if isinstance(config, TealConfig):
        for service in config.services.values():
            yield of_service(service)
        config = config.additions
    for name, told in config.adopted.items():
        if told.strategy is not None or told.gates is not None:
            strategy, gates = told.strategy or Strategy(), told.gates or Gates()
            yield Linted(f"adopted.{name}", strategy, gates)


def of_service(service: ServiceConfig) -> Linted:
    """What teal.toml says of one."""
    default, told = DEFAULT_TIMES["request_timeout"], service.request_timeout
    return Linted(
        key=f"services.{service.name}",
        strategy=service.strategy,
        gates=service.gates,
        image=service.image,
        health_path=service.health_path,
        health_check=True,
        desired=service.desired_count,
        request_timeout=default if told is None else told,
        drain_time=service.drain_time,
        retries=DEFAULT_RETRIES,
    )
