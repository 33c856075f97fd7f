"""Gates that others answer, and times without deployments, as a teal.toml describes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ONCE = (
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
)
"""Stages that are a moment."""
LASTING = ("TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME")
"""Stages with a beginning and an end: ``when`` says at which part of them a hook runs."""
TOLD = ("CLEAN_UP", "ROLLBACK")
"""Stages whose hooks are told, and change nothing."""
STAGES = (*ONCE, *LASTING, *TOLD)
"""The stages of a deployment at which hooks run. All but the last are named as ECS names them:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html"""
WHENS = ("before", "during", "after")
EMPTIES = ("need-data", "pass", "fail")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PLACEHOLDERS = (
    "service",
    "hostname",
    "mesh",
    "side",
    "old_side",
    "node",
    "old_node",
    "image",
    "deployment",
)
"""What queries may have in two pairs of braces. Without ``old_``, of the new side."""
PLACEHOLDER = re.compile(r"\{\{\s*(\w*)\s*\}\}")
_CONDITION = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")


def condition(text: str) -> tuple[str, float] | None:
    """The comparison and the number of such as ``< 0.01``; None for anything else."""
    match = _CONDITION.fullmatch(text)
    return (match[1], float(match[2])) if match else None


def zone(name: str) -> tzinfo:
    """The time zone. Raises ValueError if there is none of this name."""
    if name in ("UTC", "Etc/UTC"):  # Machines without a database of zones have this one.
        return UTC
    try:
        return ZoneInfo(name)
    # Names with characters of paths, and directories of the database, are no zones either.
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r}") from error


def minutes(text: str) -> int | None:
    """Minutes since midnight of "HH:MM", up to "24:00"; None for anything else."""
    hours, colon, rest = text.partition(":")
    if len(hours) != 2 or not colon or len(rest) != 2 or not (hours + rest).isascii():
        return None
    if not (hours + rest).isdecimal():
        return None
    total = int(hours) * 60 + int(rest)
    return total if int(rest) < 60 and total <= 24 * 60 else None


@dataclass(frozen=True)
class Hook:
    """A webhook or command that is asked at a stage of a deployment. Times are in seconds."""

    stage: str
    """The stage of the deployment at which it runs."""
    name: str
    """What it is called in answers and journals."""
    when: str = "during"
    """At which part of a stage that lasts: before, during or after it."""
    url: str = ""
    """Where the deployment is posted to, as JSON; empty for a command."""
    command: tuple[str, ...] = ()
    """Arguments, run in the directory of teal.toml without a shell; empty for a webhook."""
    timeout: float = 30.0
    """How long one request or run may take."""
    interval: float = 30.0
    """How long until it is asked again, unless it says how long itself."""
    retries: int | None = None
    """How often it is asked again when it gives no verdict; then it has failed. None for as long
    as the phase of the deployment may take."""
    secret_file: str = ""
    """A file with the secret that signs what is posted."""
    token_file: str = ""
    """A file with the bearer token that is sent."""


@dataclass(frozen=True)
class PrometheusGate:
    """An instant query of Prometheus that is asked while the new side has weight."""

    name: str
    url: str
    """Of the server, without /api/v1/query."""
    query: str
    """In PromQL; ``{{service}}`` and the like stand for what is deployed."""
    passes: str
    """What its values must be, such as ``< 0.01``."""
    interval: float = 10.0
    """Seconds between two queries."""
    timeout: float = 10.0
    """How long one query may take, in seconds."""
    failures: int = 1
    """How many values in a row that do not pass fail the version."""
    empty: str = "need-data"
    """What no value, or NaN, means: need-data, pass or fail."""
    token_file: str = ""
    """A file with the bearer token that is sent."""


@dataclass(frozen=True)
class CloudWatchGate:
    """A metric of CloudWatch that is read while the new side has weight."""

    name: str
    namespace: str
    metric: str
    passes: str
    """What its newest value must be, such as ``< 0.01``."""
    dimensions: Mapping[str, str] = field(default_factory=dict)
    """Values may have ``{{service}}`` and the like."""
    statistic: str = "Average"
    """Average, Sum, Minimum, Maximum, SampleCount or a percentile such as p99."""
    period: float = 60.0
    """Seconds that one value covers."""
    interval: float = 10.0
    """Seconds between two looks."""
    failures: int = 1
    """How many values in a row that do not pass fail the version."""
    empty: str = "need-data"
    """What no value means: need-data, pass or fail."""


@dataclass(frozen=True)
class Freeze:
    """A time of the week in which no version gets more weight."""

    days: tuple[str, ...] = DAYS
    """The days on which it begins."""
    start: str = "00:00"
    """When it begins, by the clock of the zone."""
    end: str = "24:00"
    """When it ends; on the next day if that is not later than its beginning."""
    zone: str = "UTC"
    """A time zone of the IANA database, such as ``Europe/Berlin``."""
    why: str = ""
    """Why, for people."""
