"""Reads what others answer from a teal.toml: hooks, queries of metrics, and freezes."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from tealmesh.model.config.outside import (
    DAYS,
    EMPTIES,
    LASTING,
    PLACEHOLDER,
    PLACEHOLDERS,
    STAGES,
    WHENS,
    CloudWatchGate,
    Freeze,
    Hook,
    PrometheusGate,
    condition,
    minutes,
    zone,
)
from tealmesh.model.config.table import Table

OUTSIDE_KEYS = ("hooks", "prometheus", "cloudwatch", "freeze")
HOOK_KEYS = (
    "stage", "when", "name", "url", "command", "timeout", "interval", "retries", "secret_file",
    "token_file",
)  # fmt: skip
PROMETHEUS_KEYS = (
    "name", "url", "query", "pass", "interval", "timeout", "failures", "empty", "token_file",
)  # fmt: skip
CLOUDWATCH_KEYS = (
    "name", "namespace", "metric", "dimensions", "statistic", "period", "pass", "interval",
    "failures", "empty",
)  # fmt: skip
FREEZE_KEYS = ("days", "from", "to", "zone", "why")

_URL = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?(?:\?[^\s#]*)?")
_SERVER = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?")
_URL_ALLOWED = "an http or https URL without user or password: they belong into token_file"
_STATISTIC = re.compile(
    r"Average|Sum|Minimum|Maximum|SampleCount|p(?:100|[0-9]{1,2}(?:\.[0-9]{1,2})?)"
)
_COMPARISON_ALLOWED = 'a comparison with a number, such as "< 0.01" (<, <=, >, >=, == or !=)'
_FILE_ALLOWED = "the name of a file, relative to teal.toml"
_SHORT_PERIODS = (1.0, 5.0, 10.0, 20.0, 30.0)
"""Seconds; besides these, CloudWatch has whole minutes:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricStat.html"""


def read_hooks(gates: Table) -> tuple[Hook, ...]:
    """``hooks`` of ``[services.NAME.gates]``."""
    return tuple(_hook(table) for table in gates.tables("hooks", HOOK_KEYS))


def _hook(table: Table) -> Hook:
    stage = table.text("stage", None, f"one of {', '.join(STAGES)}", STAGES.__contains__)
    when = Hook.when
    if "when" in table.data:
        when = table.text("when", None, '"before", "during" or "after"', WHENS.__contains__)
        if stage not in LASTING and stage in STAGES:
            table.fail("when", f"left out: {stage} is a moment ({', '.join(LASTING)} last)")
    if ("url" in table.data) == ("command" in table.data):
        table.fail("url", "set, or command, and not both")
    url = table.text("url", None, _URL_ALLOWED, _URL.fullmatch) if "url" in table.data else ""
    command = table.command("command") if "command" in table.data else ()
    for key in ("secret_file", "token_file"):
        if command and key in table.data:
            table.fail(key, "left out: a command reads what it needs itself")
    return Hook(
        stage=stage,
        name=_named(table) if "name" in table.data else _called(url, command),
        when=when,
        url=url,
        command=command,
        timeout=table.seconds("timeout", Hook.timeout, positive=True),
        interval=table.seconds("interval", Hook.interval, positive=True),
        retries=table.integer("retries", None, 0, 1000) if "retries" in table.data else None,
        secret_file=_file(table, "secret_file"),
        token_file=_file(table, "token_file"),
    )


def _called(url: str, command: tuple[str, ...]) -> str:
    """What a hook without a name is called: by its URL without the query, or by its program."""
    if not url:
        return command[0].rpartition("/")[2] or command[0]
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}".rstrip("/")


def read_prometheus(gates: Table) -> tuple[PrometheusGate, ...]:
    """``prometheus`` of ``[services.NAME.gates]``."""
    found = []
    for table in gates.tables("prometheus", PROMETHEUS_KEYS):
        found.append(
            PrometheusGate(
                name=_named(table),
                url=table.text("url", None, _URL_ALLOWED, _SERVER.fullmatch),
                query=_with_placeholders(table, "query", "a query in PromQL"),
                passes=table.text("pass", None, _COMPARISON_ALLOWED, condition),
                interval=table.seconds("interval", PrometheusGate.interval, positive=True),
                timeout=table.seconds("timeout", PrometheusGate.timeout, positive=True),
                failures=table.integer("failures", PrometheusGate.failures, 1, 1000),
                empty=_empty(table),
                token_file=_file(table, "token_file"),
            )
        )
    return tuple(found)


def read_cloudwatch(gates: Table) -> tuple[CloudWatchGate, ...]:
    """``cloudwatch`` of ``[services.NAME.gates]``."""
    found = []
    for table in gates.tables("cloudwatch", CLOUDWATCH_KEYS):
        dimensions = table.table("dimensions")
        period = table.seconds("period", CloudWatchGate.period, positive=True)
        if period not in _SHORT_PERIODS and period % 60:
            table.fail("period", 'whole minutes, or "1s", "5s", "10s", "20s" or "30s"')
        found.append(
            CloudWatchGate(
                name=_named(table),
                namespace=table.text("namespace", None, "a namespace of CloudWatch"),
                metric=table.text("metric", None, "the name of a metric"),
                passes=table.text("pass", None, _COMPARISON_ALLOWED, condition),
                dimensions={
                    key: _with_placeholders(dimensions, key, "the value of a dimension")
                    for key in dimensions.data
                },
                statistic=table.text(
                    "statistic",
                    CloudWatchGate.statistic,
                    "Average, Sum, Minimum, Maximum, SampleCount or a percentile such as p99",
                    _STATISTIC.fullmatch,
                ),
                period=period,
                interval=table.seconds("interval", CloudWatchGate.interval, positive=True),
                failures=table.integer("failures", CloudWatchGate.failures, 1, 1000),
                empty=_empty(table),
            )
        )
    return tuple(found)


def read_freeze(gates: Table) -> tuple[Freeze, ...]:
    """``freeze`` of ``[services.NAME.gates]``."""
    return tuple(_freeze(table) for table in gates.tables("freeze", FREEZE_KEYS))


def _freeze(table: Table) -> Freeze:
    days = table.texts("days") if "days" in table.data else DAYS
    if not days or set(days) - set(DAYS):
        table.fail("days", f"a list of days ({', '.join(DAYS)})")
    start = table.text("from", Freeze.start, 'a time such as "16:00"', _before_midnight)
    end = table.text("to", Freeze.end, 'a time such as "18:00", up to "24:00"', _time)
    return Freeze(
        days=tuple(day for day in DAYS if day in days),
        start=start,
        end=end,
        zone=table.text(
            "zone", Freeze.zone, "a time zone of the IANA database, such as Europe/Berlin", _zone
        ),
        why=table.text("why", None, "a reason, for people") if "why" in table.data else "",
    )


def _time(text: str) -> bool:
    return minutes(text) is not None


def _before_midnight(text: str) -> bool:
    return _time(text) and text != "24:00"


def _zone(text: str) -> bool:
    try:
        zone(text)
    except ValueError:
        return False
    return True


def _named(table: Table) -> str:
    return table.text("name", None, "a name, for people")


def _empty(table: Table) -> str:
    return table.text("empty", EMPTIES[0], '"need-data", "pass" or "fail"', EMPTIES.__contains__)


def _file(table: Table, key: str) -> str:
    return table.text(key, None, _FILE_ALLOWED) if key in table.data else ""


def _with_placeholders(table: Table, key: str, allowed: str) -> str:
    text = table.text(key, None, allowed)
    unknown = [name for name in PLACEHOLDER.findall(text) if name not in PLACEHOLDERS]
    if unknown:
        known = ", ".join(f"{{{{{name}}}}}" for name in PLACEHOLDERS)
        table.fail(key, f"{allowed} with no other placeholders than {known}")
    return text
