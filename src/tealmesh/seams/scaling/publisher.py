"""Publishes what is measured here to CloudWatch, as ECS and ELB do: once a minute."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from tealmesh.model.batches import batches
from tealmesh.model.clients import Connect
from tealmesh.seams.scaling.metrics import Recent, Series

log = logging.getLogger(__name__)

_BATCH = 500
"""Data in one PutMetricData; a thousand are allowed."""


@dataclass(frozen=True)
class Datum:
    """What was measured of one metric since the last look."""

    region: str
    series: Series
    unit: str
    values: tuple[float, ...]
    """At least one."""


class Source(Protocol):
    """Something that is measured."""

    async def begin(self) -> None:
        """Measure what the first look is compared with."""
        ...

    async def look(self) -> list[Datum]:
        """What happened since the last look."""
        ...


class Publisher:
    """Publishes what all sources have."""

    def __init__(self, sources: Sequence[Source], connect: Connect, recent: Recent) -> None:
        self._sources = sources
        self._connect = connect
        self._recent = recent

    async def begin(self) -> None:
        """Measure what the first look is compared with."""
        for source in self._sources:
            await source.begin()

    async def look(self) -> None:
        """Measure, and publish."""
        data = [datum for source in self._sources for datum in await source.look()]
        for datum in data:
            self._recent.add(datum.series, datum.values)
        if not data:
            return  # moto, which takes a while to load, is not needed
        try:
            await asyncio.to_thread(self._publish, data)
        except (BotoCoreError, ClientError) as error:
            # What is decided here does not need it: it is for those who look at CloudWatch.
            log.warning("what services use is not in CloudWatch: %s", error)

    def _publish(self, data: Sequence[Datum]) -> None:
        for region, namespace in sorted({(one.region, one.series[0]) for one in data}):
            client = self._connect("cloudwatch", region)
            mine = [
                _parameter(one)
                for one in data
                if (one.region, one.series[0]) == (region, namespace)
            ]
            for batch in batches(mine, _BATCH):
                client.put_metric_data(Namespace=namespace, MetricData=batch)


def _parameter(datum: Datum) -> dict[str, Any]:
    """A member of ``MetricData``; boto3 has no types for it: hence Any."""
    _, name, dimensions = datum.series
    return {
        "MetricName": name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions],
        "Unit": datum.unit,
        "StatisticValues": {
            "SampleCount": len(datum.values),
            "Sum": sum(datum.values),
            "Minimum": min(datum.values),
            "Maximum": max(datum.values),
        },
    }
