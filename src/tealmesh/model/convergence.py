"""How far the Envoys of a mesh have come with its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Convergence:
    """Whether every Envoy of a mesh runs with a revision of it. Envoys go by `EnvoyStatus.id`."""

    revision: int
    """The store revision that was asked about."""

    expected: tuple[str, ...]
    """The Envoys that must acknowledge it: those that are connected or whose task runs."""

    converged: bool
    """Whether all of them run with this revision or a newer one."""

    waiting: tuple[str, ...]
    """Those of ``expected`` that do not run with it yet."""

    rejected: Mapping[str, str] = field(default_factory=dict)
    """Those of ``waiting`` that refused it, each with Envoy's message."""


@dataclass(frozen=True)
class EnvoyStatus:
    """One Envoy that is connected, or expected to connect."""

    id: str
    """The ARN of its task, else its node id and the address that it connected from."""

    node_id: str
    """What its bootstrap says; empty until it has connected."""

    resource: str
    """``mesh/M/virtualNode/N``, or virtualGateway; empty until it has connected."""

    connected: bool

    acknowledged: int
    """The newest revision whose resources it runs with; 0 for none."""

    pending: tuple[str, ...] = ()
    """Names of the resources that it has not acknowledged."""

    rejected: str = ""
    """Envoy's message about what it refused; empty when it refused nothing."""

    note: str = ""
    """Whatever else a user should know; empty when there is nothing."""

    version: str = ""
    """Envoy's own, such as ``1.36.2``, as it tells; empty where it does not."""


@dataclass(frozen=True)
class Reported:
    """An Envoy as the replica reports it that it is connected to, or was until lately."""

    status: EnvoyStatus
    informed: int = 0
    """The revision that its replica had when it last told it something; what the Envoy refuses is
    that one, or older."""
