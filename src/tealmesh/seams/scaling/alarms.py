"""The alarms of scaling policies, in CloudWatch.

Target tracking policies have alarms that we make and delete; step policies are invoked by alarms
that users make. moto does not evaluate alarms (`evaluation` does), but keeps them and their states.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tealmesh.model.arn import Arn
from tealmesh.model.clients import Connect
from tealmesh.model.scaling.bodies import AlarmBody, ScalingPolicyBody
from tealmesh.model.scaling.metrics import tracked
from tealmesh.store import Store, View, tables

log = logging.getLogger(__name__)

_PREFIX = "TargetTracking-service/"
_DESCRIPTION = "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy "
"""Both tell our alarms from those of users."""
_HIGH_PERIODS, _LOW_PERIODS = 3, 15
_LOW_SHARE = 0.9
"""Of the target: below it for `_LOW_PERIODS` minutes, capacity is removed.
https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""


class Alarms:
    """Keeps the alarms of target tracking policies as the store wants them."""

    def __init__(self, store: Store, connect: Connect) -> None:
        self._store = store
        self._connect = connect
        self._following = asyncio.Lock()

    async def follow(self, region: str) -> None:
        """Make missing alarms, and delete those whose policy is gone or changed. What fails is
        tried again at the next look.
        """
        async with self._following:
            wanted = dict(_wanted(self._store.view, region))
            try:
                await asyncio.to_thread(self._reconcile, region, wanted)
            except (BotoCoreError, ClientError) as error:
                log.warning("the alarms of %s cannot be brought up to date yet: %s", region, error)

    async def of_step_policies(self, region: str) -> dict[str, list[AlarmBody]]:
        """The users' alarms by the ARN of the step policy that they invoke."""
        found: dict[str, list[AlarmBody]] = {}
        for alarm in await asyncio.to_thread(self.read, region):
            for action in {*alarm["AlarmActions"], *alarm["OKActions"]}:
                body: AlarmBody = {
                    "AlarmName": alarm["AlarmName"],
                    "AlarmARN": alarm["AlarmArn"],
                }
                found.setdefault(action, []).append(body)
        return found

    def read(self, region: str) -> list[Any]:
        """All metric alarms of a region, as CloudWatch describes them. Blocking."""
        client = self._connect("cloudwatch", region)
        pages = client.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"])
        return [alarm for page in pages for alarm in page["MetricAlarms"]]

    def _reconcile(self, region: str, wanted: dict[str, dict[str, Any]]) -> None:
        client = self._connect("cloudwatch", region)
        present = {
            alarm["AlarmName"]: alarm
            for alarm in self.read(region)
            if alarm["AlarmName"].startswith(_PREFIX)
            and (alarm.get("AlarmDescription") or "").startswith(_DESCRIPTION)
        }
        if gone := [name for name in present if name not in wanted]:
            client.delete_alarms(AlarmNames=gone)
        for name, alarm in wanted.items():
            if name not in present or any(
                present[name].get(member) != value for member, value in alarm.items()
            ):
                client.put_metric_alarm(**alarm)


def _wanted(view: View, region: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for document in view.list(tables.SCALING_POLICIES):
        policy = document.body
        if Arn.parse(policy["PolicyARN"]).region != region:
            continue
        for number, alarm in enumerate(policy["Alarms"]):
            yield alarm["AlarmName"], _alarm(policy, alarm["AlarmName"], high=number == 0)


def _alarm(policy: ScalingPolicyBody, name: str, *, high: bool) -> dict[str, Any]:
    """The parameters of PutMetricAlarm, whose type boto3 does not have: hence Any."""
    metric = tracked(policy)
    target = policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
    alarm = {
        "AlarmName": name,
        "AlarmDescription": f"{_DESCRIPTION}{policy['PolicyARN']}.",
        "ActionsEnabled": True,
        "AlarmActions": [policy["PolicyARN"]],
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
        "Statistic": metric.statistic,
        "Period": 60,
        "EvaluationPeriods": _HIGH_PERIODS if high else _LOW_PERIODS,
        "Threshold": target if high else target * _LOW_SHARE,
        "ComparisonOperator": "GreaterThanThreshold" if high else "LessThanThreshold",
    }
    return alarm | ({"Unit": metric.unit} if metric.unit else {})
