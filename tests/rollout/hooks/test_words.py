"""A plan names all that a deployment will ask."""

from __future__ import annotations

from dataclasses import replace

from tealmesh.model.config.outside import CloudWatchGate, PrometheusGate
from tealmesh.model.rollout import Traffic
from tealmesh.rollout.planning.stages import stages
from tests.rollout.hooks.test_due import EVERY, hooked


def test_a_plan_names_every_hook_and_metric() -> None:
    d = hooked()
    prometheus = PrometheusGate("errors", "http://p", "up", "< 0.01")
    cloudwatch = CloudWatchGate("orders", "Shop", "Orders", ">= 1")
    gates = replace(d.gates, prometheus=(prometheus,), cloudwatch=(cloudwatch,))
    planned = stages(replace(d, gates=gates), Traffic(), {})
    said = [words for stage in planned for words in stage.waits_for]
    told = ("CLEAN_UP", "ROLLBACK")
    for hook in EVERY:
        times = said.count(f"hook {hook.name} says so")
        once = 3 if hook.stage == "PRODUCTION_TRAFFIC_SHIFT" else 1
        assert times == (0 if hook.stage in told else once), hook
    assert said.count("prometheus errors: < 0.01") == 4
    assert said.count("cloudwatch orders: >= 1") == 4
