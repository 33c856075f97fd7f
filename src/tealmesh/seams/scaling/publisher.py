"""Measures what services use, and publishes it as ECS does: once a minute."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tealmesh.model.arn import Arn
from tealmesh.model.ecs.bodies import TaskBody
from tealmesh.seams.scaling.metrics import Connect, Recent, Series
from tealmesh.seams.scaling.usage import Measured, TaskUsage, Utilization, utilization
from tealmesh.store import Store, tables

log = logging.getLogger(__name__)

NAMESPACE = "AWS/ECS"
_BATCH = 500
"""Data in one PutMetricData; a thousand are allowed."""

Measure = Callable[[TaskBody], TaskUsage | None]
"""What a task uses now; None if that is not known. May block."""


class Publisher:
    """Measures all running tasks of services."""

    def __init__(self, store: Store, connect: Connect, measure: Measure, recent: Recent) -> None:
        self._store = store
        self._connect = connect
        self._measure = measure
        self._recent = recent
        self._before: Measured = {}
        self._at = 0.0

    async def begin(self) -> None:
        """Measure what the first look is compared with."""
        self._before, self._at = await asyncio.to_thread(self._measured, self._tasks())

    async def look(self) -> None:
        """Measure, and publish what the services used since the last look."""
        tasks = self._tasks()
        now, at = await asyncio.to_thread(self._measured, tasks)
        found = utilization(tasks, self._before, now, at - self._at)
        self._before, self._at = now, at
        for (cluster, service, name), values in found.items():
            self._recent.add(_series(cluster, service, name), values)
        for region, data in _data(tasks, found).items():
            try:
                await asyncio.to_thread(self._publish, region, data)
            except (BotoCoreError, ClientError) as error:
                # What is decided here does not need it: it is for those who look at CloudWatch.
                log.warning("the utilization of services is not in CloudWatch: %s", error)

    def _tasks(self) -> list[TaskBody]:
        tasks = (document.body for document in self._store.view.list(tables.TASKS))
        return [task for task in tasks if task["lastStatus"] == "RUNNING"]

    def _measured(self, tasks: list[TaskBody]) -> tuple[Measured, float]:
        at = time.clock_gettime(time.CLOCK_BOOTTIME)
        used = {task["taskArn"]: self._measure(task) for task in tasks}
        return {arn: one for arn, one in used.items() if one is not None}, at

    def _publish(self, region: str, data: list[dict[str, Any]]) -> None:
        client = self._connect("cloudwatch", region)
        for first in range(0, len(data), _BATCH):
            client.put_metric_data(Namespace=NAMESPACE, MetricData=data[first : first + _BATCH])


def _series(cluster: str, service: str, name: str) -> Series:
    return NAMESPACE, name, (("ClusterName", cluster), ("ServiceName", service))


def _data(tasks: list[TaskBody], found: Utilization) -> dict[str, list[dict[str, Any]]]:
    """``MetricData`` of PutMetricData by region; boto3 has no types for it: hence Any."""
    regions = {
        task["clusterArn"].rpartition("/")[2]: Arn.parse(task["taskArn"]).region for task in tasks
    }
    data: dict[str, list[dict[str, Any]]] = {}
    for (cluster, service, name), values in found.items():
        datum = {
            "MetricName": name,
            "Dimensions": [
                {"Name": "ClusterName", "Value": cluster},
                {"Name": "ServiceName", "Value": service},
            ],
            "Unit": "Percent",
            "StatisticValues": {
                "SampleCount": len(values),
                "Sum": sum(values),
                "Minimum": min(values),
                "Maximum": max(values),
            },
        }
        data.setdefault(regions[cluster], []).append(datum)
    return data
