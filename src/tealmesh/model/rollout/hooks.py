"""What the store keeps of hooks, queries and freezes: their settings, and what hooks answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from tealmesh.model import said
from tealmesh.model.config.outside import CloudWatchGate, Freeze, Hook, PrometheusGate
from tealmesh.model.said import SaidBody
from tealmesh.model.teal import known_members

if TYPE_CHECKING:
    from tealmesh.model.teal import GatesBody


class HookSettingBody(TypedDict):
    """A `model.config.outside.Hook`."""

    stage: str
    name: str
    when: str
    url: str
    command: Sequence[str]
    timeout: float
    interval: float
    retries: int | None
    secret_file: str
    token_file: str


class PrometheusGateBody(TypedDict):
    """A `model.config.outside.PrometheusGate`."""

    name: str
    url: str
    query: str
    passes: str
    interval: float
    timeout: float
    failures: int
    empty: str
    token_file: str


class CloudWatchGateBody(TypedDict):
    """A `model.config.outside.CloudWatchGate`."""

    name: str
    namespace: str
    metric: str
    passes: str
    dimensions: Mapping[str, str]
    statistic: str
    period: float
    interval: float
    failures: int
    empty: str


class FreezeBody(TypedDict):
    """A `model.config.outside.Freeze`."""

    days: Sequence[str]
    start: str
    end: str
    zone: str
    why: str


class FreezesBody(TypedDict):
    """The freezes of a service, as teal.toml was applied last."""

    freeze: Sequence[FreezeBody]


class ProcessBody(TypedDict):
    """A process of this machine, so that it is found again and no other is taken for it."""

    boot: str
    """Id of the boot, as in `model.clock.MomentBody`."""
    pid: int
    ticks: int
    """When it started, in clock ticks since that boot:
    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html (``starttime``)"""


class HookBody(TypedDict):
    """How far a hook of a deployment is (collection ``teal.hook``). Times are wall time."""

    deployment: str
    service: str
    stage: str
    when: str
    step: int
    """Index of the deployment's step; 0 for stages that come once."""
    index: int
    """The hook's place among those of the service."""
    name: str
    tries: int
    """How often it was asked."""
    verdict: str
    """Of the last answer; empty before the first."""
    detail: str
    said: NotRequired[SaidBody]
    """What the detail is made of."""
    details: str
    """JSON that it wants to be given with the next try; empty for none."""
    process: ProcessBody | None
    """The command that runs; None for a webhook, and when it has ended."""
    started_at: float
    finished_at: float | None
    """None: it is asked again, also after a restart of the control plane."""


def detail(body: HookBody) -> str:
    """What a hook has answered, with what that is made of."""
    return said.read(body["said"]) if "said" in body else body["detail"]


def stored_outside(body: GatesBody) -> dict[str, Any]:
    """The members of stored gates that are lists of tables, as a `Gates` has them. Those that an
    earlier version did not store are left out, as are members of later ones.
    """
    found: dict[str, Any] = {}
    if "hooks" in body:
        hooks = [known_members(Hook, one) for one in body["hooks"]]
        found["hooks"] = tuple(Hook(**{**h, "command": tuple(h["command"])}) for h in hooks)
    if "prometheus" in body:
        queries = [known_members(PrometheusGate, one) for one in body["prometheus"]]
        found["prometheus"] = tuple(PrometheusGate(**one) for one in queries)
    if "cloudwatch" in body:
        metrics = [known_members(CloudWatchGate, one) for one in body["cloudwatch"]]
        found["cloudwatch"] = tuple(CloudWatchGate(**one) for one in metrics)
    if "freeze" in body:
        found["freeze"] = stored_freezes(body["freeze"])
    return found


def stored_freezes(bodies: Sequence[FreezeBody]) -> tuple[Freeze, ...]:
    """Freezes out of the store."""
    freezes = [known_members(Freeze, one) for one in bodies]
    return tuple(Freeze(**{**f, "days": tuple(f["days"])}) for f in freezes)
