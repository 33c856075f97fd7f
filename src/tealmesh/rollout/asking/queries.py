"""Asks Prometheus and CloudWatch while a new side has weight, again and again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from tealmesh.model.clock import Clock, SteadyClock
from tealmesh.model.config.outside import CloudWatchGate, PrometheusGate
from tealmesh.model.ecs.reasons import told
from tealmesh.model.errors import DriverError, OutsideError
from tealmesh.model.rollout import Deployment, GateResult, State, Verdict
from tealmesh.model.said import say
from tealmesh.rollout.asking.http import Web, bearer
from tealmesh.rollout.hooks.content import filled
from tealmesh.rollout.hooks.values import Asked, Found, Series, judge, prometheus
from tealmesh.rollout.system import Service
from tealmesh.supervision.trouble import last_line

log = logging.getLogger(__name__)

R = TypeVar("R")
_STATISTICS = ("Average", "Sum", "Minimum", "Maximum", "SampleCount")
_LONGEST_URL = 2000
"""Characters; longer queries are posted."""
_WEIGHTED = (State.COHORT, State.MEASURING, State.BAKING)
"""The states in which users reach the new side, and it is judged."""

Place = tuple[str, str, int]
"""A metric of a deployment: its id, the kind of the metric, its place among those."""
Phase = tuple[State, int, float]
"""In which state, at which step, since when a metric is asked: each begins anew."""


class CallCloudWatch(Protocol):
    """Run ``call`` on the boto3 client of CloudWatch. boto3 makes its clients at run time, so only
    their use says which type they have. Raises DriverError.
    """

    async def __call__(self, call: Callable[[Any], R]) -> R: ...


@dataclass
class _Watched:
    """A metric that is asked."""

    phase: Phase
    asked: Asked
    result: GateResult
    task: asyncio.Task[None] | None = None


@dataclass
class Queries:
    """The metrics of deployments, each asked in a task of its own."""

    web: Web
    cloudwatch: CallCloudWatch
    clock: SteadyClock
    wall: Clock
    _watched: dict[Place, _Watched] = field(default_factory=dict)

    def verdicts(self, d: Deployment, service: Service) -> tuple[GateResult, ...]:
        """The newest verdict on each metric in the present state of a deployment."""
        waits = d.state is State.AWAITING_APPROVAL and d.seen.get(d.new_side)
        if not d.gated or not (waits or d.state in _WEIGHTED):
            self.forget(d.id)
            return ()
        gates = d.gates
        return (
            *(self._newest(d, service, "prometheus", n, g) for n, g in enumerate(gates.prometheus)),
            *(self._newest(d, service, "cloudwatch", n, g) for n, g in enumerate(gates.cloudwatch)),
        )

    def forget(self, deployment: str) -> None:
        """Do not ask for a deployment any more."""
        for place, watched in list(self._watched.items()):
            if place[0] == deployment:
                del self._watched[place]
                if watched.task is not None:
                    watched.task.cancel()

    async def close(self) -> None:
        tasks = [w.task for w in self._watched.values() if w.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _newest(
        self,
        d: Deployment,
        service: Service,
        kind: str,
        number: int,
        gate: PrometheusGate | CloudWatchGate,
    ) -> GateResult:
        place, phase = (d.id, kind, number), (d.state, d.step, d.entered_at)
        watched = self._watched.get(place)
        if watched is None or watched.phase != phase:
            if watched is not None and watched.task is not None:
                watched.task.cancel()
            name = f"{kind} {gate.name}"
            asked = Asked(name, gate.passes, gate.failures, gate.empty)
            first = GateResult(name, Verdict.NEED_DATA, "is being asked")
            watched = self._watched[place] = _Watched(phase, asked, first)
            watched.task = asyncio.create_task(
                self._keep_asking(watched, d, service, gate), name=f"metric-{gate.name}"
            )
        return watched.result

    async def _keep_asking(
        self,
        watched: _Watched,
        d: Deployment,
        service: Service,
        gate: PrometheusGate | CloudWatchGate,
    ) -> None:
        began = self.wall() - max(0.0, self.clock() - d.entered_at)
        while True:
            try:
                if isinstance(gate, PrometheusGate):
                    found = await self._prometheus(d, service, gate)
                else:
                    found = await self._cloudwatch(d, service, gate, began)
            except (OutsideError, DriverError, ValueError) as error:
                found = Found(error=say("the query failed: {error}", error=told(str(error))))
            except Exception as error:
                # Nobody foresaw it; it says nothing of the version.
                log.exception("deployment of %s: metric %s failed", d.service, gate.name)
                found = Found(error=say("the query failed: {error}", error=last_line(error)))
            watched.result, failed = judge(watched.asked, found)
            watched.asked = replace(watched.asked, failed=failed)
            await asyncio.sleep(gate.interval)

    async def _prometheus(self, d: Deployment, service: Service, gate: PrometheusGate) -> Found:
        asked = {"query": filled(gate.query, d, service), "timeout": f"{gate.timeout:g}s"}
        headers = bearer(d.gates.directory, gate.token_file)
        url, form = f"{gate.url.rstrip('/')}/api/v1/query", urlencode(asked)
        try:
            if len(form) < _LONGEST_URL:
                reply = await self.web.get(f"{url}?{form}", headers, gate.timeout)
            else:
                headers["content-type"] = "application/x-www-form-urlencoded"
                reply = await self.web.post(url, headers, form.encode(), gate.timeout)
        except TimeoutError:
            late = say(
                "the query had no answer within its timeout of {seconds} s",
                seconds=f"{gate.timeout:g}",
            )
            return Found(error=late)
        return prometheus(reply.status, reply.body)

    async def _cloudwatch(
        self, d: Deployment, service: Service, gate: CloudWatchGate, began: float
    ) -> Found:
        """The newest value of a metric that covers time after the state has begun."""
        now = self.wall()
        dimensions = [
            {"Name": name, "Value": filled(value, d, service)}
            for name, value in gate.dimensions.items()
        ]
        period = timedelta(seconds=gate.period)
        start = datetime.fromtimestamp(began - began % gate.period, UTC)
        percentile = gate.statistic not in _STATISTICS
        answer = await self.cloudwatch(
            lambda client: client.get_metric_statistics(
                Namespace=gate.namespace,
                MetricName=gate.metric,
                Dimensions=dimensions,
                StartTime=start,
                EndTime=max(datetime.fromtimestamp(now, UTC), start + period),
                Period=int(gate.period),
                **{"ExtendedStatistics" if percentile else "Statistics": [gate.statistic]},
            ),
        )
        return _newest(answer["Datapoints"], gate.statistic, percentile)


def _newest(points: Sequence[dict[str, Any]], statistic: str, percentile: bool) -> Found:
    if not points:
        return Found()
    newest = max(points, key=lambda point: point["Timestamp"])
    value = newest["ExtendedStatistics"][statistic] if percentile else newest[statistic]
    return Found((Series({}, float(value)),))
