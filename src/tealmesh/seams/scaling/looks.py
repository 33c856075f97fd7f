"""One look at all alarms that invoke policies of ours: evaluates them, sets their states in
CloudWatch, and finds what is invoked and what waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tealmesh.model.arn import Arn
from tealmesh.model.clients import Connect
from tealmesh.model.scaling.bodies import PolicyTeal, ScalingPolicyBody
from tealmesh.model.scaling.metrics import Metric
from tealmesh.model.scaling.names import cluster_and_service
from tealmesh.seams.scaling.alarms import Alarms
from tealmesh.seams.scaling.changes import ACTOR
from tealmesh.seams.scaling.evaluation import Alarm, Sample, State, by_period, evaluate
from tealmesh.seams.scaling.metrics import Recent, from_cloudwatch, series
from tealmesh.seams.scaling.plan import Invocation, Tracked
from tealmesh.seams.scaling.reading import Found, Unread, read_alarm
from tealmesh.store import Store, Transaction, tables

log = logging.getLogger(__name__)

PATIENCE = 3
"""Looks without data after which it is said that a policy waits."""


@dataclass
class Look:
    """What was seen of one service."""

    cluster: str
    service: str
    invocations: list[Invocation] = field(default_factory=list)
    tracked: list[Tracked] = field(default_factory=list)


@dataclass(frozen=True)
class _Evaluated:
    found: Found
    state: State
    newest: float | None
    """The metric's newest value."""


class Looks:
    """Looks at alarms; remembers how long each policy has been without data."""

    def __init__(
        self, store: Store, alarms: Alarms, connect: Connect, recent: Recent, scale: float = 1.0
    ) -> None:
        """``scale``: how long 60 seconds of an alarm last, over 60; less than 1 for tests."""
        self._store = store
        self._alarms = alarms
        self._connect = connect
        self._recent = recent
        self._scale = scale
        self._regions = set(_policies(store))
        self._replayed = set(self._regions)
        """Regions not looked at since the start: states set before it may be there again, as moto
        repeats the users' calls."""
        self._set_by_us: dict[tuple[str, str], str] = {}
        """When the state of an alarm was set last, as far as we know: by region and name."""
        self._without_data: Counter[str] = Counter()
        self._news = asyncio.Event()

    def tell(self) -> None:
        """Have the next look at once: somebody has set the state of an alarm."""
        self._news.set()

    async def told(self, timeout: float) -> bool:
        """Wait for `tell`, or for ``timeout`` seconds; whether it was told."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._news.wait()
        told = self._news.is_set()
        self._news.clear()
        return told

    async def look(self) -> list[Look]:
        """Look at the alarms of every region that has policies."""
        by_region = _policies(self._store)
        looks: list[Look] = []
        for region in sorted(self._regions | set(by_region)):
            await self._alarms.follow(region)
            looks += await self._look_at(region, by_region[region])
            self._replayed.discard(region)
            self._regions.add(region)
        return looks

    async def _look_at(self, region: str, policies: list[ScalingPolicyBody]) -> list[Look]:
        arns = {policy["PolicyARN"] for policy in policies}
        found, unread = await asyncio.to_thread(self._read, region, arns)
        evaluated = [await asyncio.to_thread(self._evaluate, region, one) for one in found]
        looks: dict[str, Look] = {}
        for policy in policies:
            resource = policy["ResourceId"]
            if resource not in looks:
                looks[resource] = Look(*(cluster_and_service(resource) or ("", "")))
            of_policy = [one for one in evaluated if policy["PolicyARN"] in _invoked(one.found)]
            looks[resource].invocations += _invocations(policy, of_policy)
            if policy["PolicyType"] == "TargetTrackingScaling":
                ready = any(_is_low(one) and one.state == "ALARM" for one in of_policy)
                looks[resource].tracked.append(Tracked(policy, ready))
            mine = [one for one in unread if policy["PolicyARN"] in one.actions]
            await self._say_waits(policy, self._waits(policy, of_policy, mine))
        return list(looks.values())

    def _read(self, region: str, arns: set[str]) -> tuple[list[Found], list[Unread]]:
        """The alarms that invoke one of the policies. Blocking."""
        read = [read_alarm(described, self._scale) for described in self._alarms.read(region)]
        return (
            [one for one in read if isinstance(one, Found) and arns & _invoked(one)],
            [one for one in read if isinstance(one, Unread) and arns & set(one.actions)],
        )

    def _evaluate(self, region: str, found: Found) -> _Evaluated:
        """Evaluate an alarm, and set its state in CloudWatch if it changed. Blocking."""
        alarm, client = found.alarm, self._connect("cloudwatch", region)
        values = by_period(alarm, self._samples(client, alarm))
        newest = next((value for value in values if value is not None), None)
        key = (region, alarm.name)
        state = found.state
        if not self._is_tried(key, found):
            state = evaluate(alarm, values, found.state)
            if state != found.state:
                # Unless somebody has set it since it was read.
                found = self._described(client, found)
                if self._is_tried(key, found):
                    state = found.state
                else:
                    why = f"Threshold {alarm.comparison} {alarm.threshold}; newest: {newest}"
                    name = alarm.name
                    client.set_alarm_state(AlarmName=name, StateValue=state, StateReason=why)
                    found = self._described(client, found)
        self._set_by_us[key] = found.changed
        return _Evaluated(found, state, newest)

    def _is_tried(self, key: tuple[str, str], found: Found) -> bool:
        """Whether somebody tries the alarm with SetAlarmState: its actions are invoked once."""
        if found.state != "ALARM":
            return False
        known = self._set_by_us.get(key)
        return key[0] not in self._replayed if known is None else known != found.changed

    def _described(self, client: Any, found: Found) -> Found:
        """The alarm as it is now; as it was if it has been deleted. Blocking."""
        alarms = client.describe_alarms(AlarmNames=[found.alarm.name])["MetricAlarms"]
        present = read_alarm(alarms[0], self._scale) if alarms else found
        return present if isinstance(present, Found) else found

    def _samples(self, client: Any, alarm: Alarm) -> list[Sample]:
        if self._recent.has(series(alarm.metric)):
            return self._recent.samples(series(alarm.metric), alarm.range)
        return from_cloudwatch(client, alarm.metric, alarm.period, alarm.range)

    def _waits(
        self, policy: ScalingPolicyBody, alarms: list[_Evaluated], unread: list[Unread]
    ) -> str:
        """Why a policy cannot act; empty if it can, or if that is not sure yet."""
        arn = policy["PolicyARN"]
        if unread:
            return f"alarm {unread[0].name}: {unread[0].reason}"
        if alarms and any(one.newest is not None for one in alarms):
            self._without_data.pop(arn, None)
            return ""
        self._without_data[arn] += 1
        if self._without_data[arn] < PATIENCE:
            return policy["teal"].get("waits", "")
        if not alarms:
            return "no alarm in CloudWatch has it among its actions"
        return self._lacking(policy, alarms[0].found.alarm.metric)

    def _lacking(self, policy: ScalingPolicyBody, metric: Metric) -> str:
        names = cluster_and_service(policy["ResourceId"]) or ("", "")
        service = self._store.view.get(tables.ECS_SERVICES, *names)
        if metric.namespace == "AWS/ECS" and service is not None:
            if not service.body.get("runningCount"):
                return f"no task of the service runs, so there is no data of {metric.name}"
            return f"no data of {metric}: does the task definition reserve it?"
        return f"CloudWatch has no data of {metric}"

    async def _say_waits(self, policy: ScalingPolicyBody, waits: str) -> None:
        if waits == policy["teal"].get("waits", ""):
            return
        names = cluster_and_service(policy["ResourceId"]) or ("", "")
        teal: PolicyTeal = {"waits": waits} if waits else {}

        def change(tx: Transaction) -> None:
            present = tx.get(tables.SCALING_POLICIES, *names, policy["PolicyName"])
            if present is not None and present.body["PolicyARN"] == policy["PolicyARN"]:
                body = present.body.copy()
                body["teal"] = teal
                tx.replace(present, body)

        await self._store.write(ACTOR, "PolicyWaits" if waits else "PolicyWorks", change)
        log.info("scaling policy %s %s: %s", *names, waits or "works")


def _policies(store: Store) -> defaultdict[str, list[ScalingPolicyBody]]:
    """All policies by region."""
    by_region: defaultdict[str, list[ScalingPolicyBody]] = defaultdict(list)
    for document in store.view.list(tables.SCALING_POLICIES):
        by_region[Arn.parse(document.body["PolicyARN"]).region].append(document.body)
    return by_region


def _invocations(policy: ScalingPolicyBody, alarms: list[_Evaluated]) -> Iterator[Invocation]:
    for one in alarms:
        alarm = one.found.alarm
        if policy["PolicyARN"] not in (alarm.actions or {}).get(one.state, ()):
            continue
        value = one.newest
        if value is None:
            if policy["PolicyType"] == "TargetTrackingScaling":
                continue  # nothing to compute a capacity from
            value = alarm.threshold
        breach = value - alarm.threshold
        low = breach < 0 or (breach == 0 and alarm.comparison.startswith("Less"))
        yield Invocation(policy, alarm.name, one.state, value, alarm.threshold, low)


def _is_low(one: _Evaluated) -> bool:
    return one.found.alarm.comparison.startswith("Less")


def _invoked(found: Found) -> set[str]:
    return {arn for arns in (found.alarm.actions or {}).values() for arn in arns}
