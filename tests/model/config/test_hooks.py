"""Hooks, queries and freezes of a teal.toml: defaults, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tealmesh.model.config.deployments import read_gates
from tealmesh.model.config.outside import DAYS, CloudWatchGate, Freeze, Hook, PrometheusGate
from tealmesh.model.config.strategies import Gates
from tealmesh.model.config.table import Table
from tealmesh.model.errors import ConfigError
from tealmesh.model.rollout import stored_gates

QUERY = {"name": "p", "url": "http://p:9090", "query": "up", "pass": "< 1"}
METRIC = {"name": "c", "namespace": "n", "metric": "m", "pass": "< 1"}


def gates(**members: Any) -> Gates:
    return read_gates(Table("teal.toml", "services.web", {"gates": members}, ("gates",)))


def test_defaults() -> None:
    read = gates(
        hooks=[
            {"stage": "PRE_SCALE_UP", "url": "https://ci.local/ask?key=1"},
            {"stage": "BAKE_TIME", "when": "after", "command": "./smoke.sh --fast"},
        ],
        prometheus=[QUERY],
        cloudwatch=[METRIC],
        freeze=[{}],
    )
    assert read.hooks == (
        Hook("PRE_SCALE_UP", "ci.local/ask", url="https://ci.local/ask?key=1"),
        Hook("BAKE_TIME", "smoke.sh", "after", command=("./smoke.sh", "--fast")),
    )
    assert read.prometheus == (PrometheusGate("p", "http://p:9090", "up", "< 1"),)
    assert read.cloudwatch == (CloudWatchGate("c", "n", "m", "< 1"),)
    assert read.freeze == (Freeze(DAYS, "00:00", "24:00", "UTC", ""),)


@pytest.mark.parametrize(
    ("members", "key", "allowed"),
    [
        ({"hooks": [{"url": "http://h"}]}, "hooks[0].stage", "one of PRE_SCALE_UP, "),
        ({"hooks": [{"stage": "x", "url": "http://h"}]}, "hooks[0].stage", "one of PRE_SCALE_UP"),
        ({"hooks": [{"stage": "CLEAN_UP"}]}, "hooks[0].url", "set, or command, and not both"),
        ({"hooks": [{"stage": "CLEAN_UP", "url": "http://h", "command": "x"}]},
         "hooks[0].url", "and not both"),
        ({"hooks": [{"stage": "CLEAN_UP", "url": "http://me:pw@h"}]},
         "hooks[0].url", "without user or password: they belong into token_file"),
        ({"hooks": [{"stage": "CLEAN_UP", "url": "ftp://h"}]}, "hooks[0].url", "http or https"),
        ({"hooks": [{"stage": "CLEAN_UP", "command": []}]}, "hooks[0].command", "a command"),
        ({"hooks": [{"stage": "CLEAN_UP", "command": ["a", "\0"]}]}, "hooks[0].command", "a comm"),
        ({"hooks": [{"stage": "CLEAN_UP", "command": "x", "token_file": "t"}]},
         "hooks[0].token_file", "left out: a command reads what it needs itself"),
        ({"hooks": [{"stage": "PRE_SCALE_UP", "when": "after", "url": "http://h"}]},
         "hooks[0].when", "left out: PRE_SCALE_UP is a moment"),
        ({"hooks": [{"stage": "BAKE_TIME", "when": "then", "url": "http://h"}]},
         "hooks[0].when", '"before", "during" or "after"'),
        ({"hooks": [{"stage": "BAKE_TIME", "url": "http://h", "retries": -1}]},
         "hooks[0].retries", "from 0 to 1000"),
        ({"hooks": [{"stage": "BAKE_TIME", "uri": "http://h"}]}, "hooks[0].uri", "did you mean"),
        ({"hooks": {"stage": "BAKE_TIME"}}, "hooks", "a list of tables"),
        ({"prometheus": [{**QUERY, "pass": "below 1"}]},
         "prometheus[0].pass", 'a comparison with a number, such as "< 0.01"'),
        ({"prometheus": [{**QUERY, "query": "up{n='{{nodes}}'}"}]},
         "prometheus[0].query", "no other placeholders than {{service}}, "),
        ({"prometheus": [{**QUERY, "empty": "ok"}]}, "prometheus[0].empty", '"need-data"'),
        ({"prometheus": [{**QUERY, "failures": 0}]}, "prometheus[0].failures", "from 1"),
        ({"prometheus": [{**QUERY, "url": "http://p?x=1"}]}, "prometheus[0].url", "http"),
        ({"cloudwatch": [{**METRIC, "period": 45}]}, "cloudwatch[0].period", "whole minutes"),
        ({"cloudwatch": [{**METRIC, "statistic": "p101"}]}, "cloudwatch[0].statistic", "such as p"),
        ({"cloudwatch": [{**METRIC, "dimensions": {"S": 1}}]},
         "cloudwatch[0].dimensions.S", "the value of a dimension"),
        ({"freeze": [{"days": ["friday"]}]}, "freeze[0].days", "mon, tue, wed"),
        ({"freeze": [{"days": []}]}, "freeze[0].days", "mon, tue, wed"),
        ({"freeze": [{"from": "24:00"}]}, "freeze[0].from", 'a time such as "16:00"'),
        ({"freeze": [{"to": "25:00"}]}, "freeze[0].to", 'up to "24:00"'),
        ({"freeze": [{"zone": "Berlin"}]}, "freeze[0].zone", "such as Europe/Berlin"),
    ],
)  # fmt: skip
def test_what_is_refused_is_named(members: dict[str, Any], key: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as refused:
        gates(**members)
    assert refused.value.key == f"services.web.gates.{key}"
    assert allowed in refused.value.allowed


def test_gates_of_earlier_versions_are_stored_without_them() -> None:
    body: Any = {"success_rate": 0.9, "min_requests": 3, "approval": True}
    assert stored_gates(body) == Gates(success_rate=0.9, min_requests=3, approval=True)
