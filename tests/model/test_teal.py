"""Stored deployments and parts of teal.toml: bodies have the fields of their dataclasses."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from tealmesh.model import extensions, rollout, teal
from tealmesh.model.config import beside, nouns, outside, strategies
from tealmesh.model.rollout import groups, hooks
from tealmesh.model.traffic import windows
from tealmesh.rollout import adopted, system


@pytest.mark.parametrize(
    ("body", "dataclass"),
    [
        (teal.StepSettingsBody, strategies.StepSettings),
        (teal.StrategyBody, strategies.Strategy),
        (teal.LatencyObjectiveBody, strategies.LatencyObjective),
        (teal.GatesBody, strategies.Gates),
        (hooks.HookSettingBody, outside.Hook),
        (hooks.PrometheusGateBody, outside.PrometheusGate),
        (hooks.CloudWatchGateBody, outside.CloudWatchGate),
        (hooks.FreezeBody, outside.Freeze),
        (teal.ServiceConfigBody, nouns.ServiceConfig),
        (teal.ServiceSystemBody, system.ServiceSystem),
        (teal.MeshSideBody, adopted.MeshSide),
        (teal.MeshServiceBody, adopted.MeshService),
        (teal.GatewayConfigBody, nouns.GatewayConfig),
        (teal.GatewaySystemBody, system.GatewaySystem),
        (teal.GateResultBody, rollout.GateResult),
        (teal.StepEvidenceBody, rollout.StepEvidence),
        (teal.ComparisonBody, rollout.Comparison),
        (teal.DeploymentBody, rollout.Deployment),
        (teal.JournalEntryBody, rollout.JournalEntry),
        (groups.MembershipBody, rollout.Membership),
        (groups.GroupBody, rollout.Group),
        (groups.GroupMemberBody, rollout.GroupMember),
        (groups.GroupEntryBody, rollout.GroupEntry),
        (groups.GroupDeploymentBody, rollout.GroupDeployment),
        (extensions.RouterExtensionBody, extensions.RouterExtension),
        (beside.PreviewBody, beside.Preview),
        (beside.MirrorBody, beside.Mirror),
        (beside.CohortBody, beside.Cohort),
        (beside.StickyBody, beside.Sticky),
        (windows.CountsBody, windows.Counts),
        (windows.SideWindowBody, windows.SideWindow),
        (windows.JudgedBody, windows.Judged),
        (windows.WindowBody, windows.Window),
    ],
    ids=lambda value: value.__name__,
)
def test_a_body_has_the_fields_of_its_dataclass(body: type, dataclass: type) -> None:
    # What texts are made of is stored beside them: tests/model/test_said.py.
    members = set(body.__annotations__) - {"said"}
    assert members == {field.name for field in fields(dataclass)}


def holds(whole: Any, part: Any) -> bool:
    """Whether ``whole`` has every member of ``part`` as it is there; it may have more."""
    if isinstance(part, dict):
        return all(key in whole and holds(whole[key], value) for key, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(holds, whole, part))
    return bool(whole == part)


STORED = """{
  "id": "d1", "service": "web", "mesh": "demo", "old_side": "blue", "new_side": "green",
  "old_image": "web:1", "new_image": "web:2", "desired_count": 3,
  "strategy": {"type": "canary", "steps": [10, 100], "step_time": 10.0, "bake_time": 10.0,
    "step_timeout": 300.0},
  "gates": {"success_rate": 0.99, "min_requests": 100, "approval": false},
  "created_at": 1000.0, "updated_at": 1040.0, "entered_at": 1030.0, "actor": "tester",
  "client_token": "", "state": "MEASURING", "step": 0, "sequence": 8,
  "weights": {"blue": 90, "green": 10}, "acknowledged": {"blue": 90, "green": 10},
  "healthy": {"blue": 3, "green": 3}, "revision": 41, "set_at": 1029.0, "since": 1031.0,
  "approved": false, "reason": "", "waiting_for": "step time of 10 s",
  "evidence": [{"step": 0, "weights": {"blue": 90, "green": 10}, "expected_share": 0.1,
    "started_at": 1030.0, "requests": 50, "failures": 1, "total_requests": 500,
    "total_failures": 1, "share": 0.1, "p50": 2.0, "p99": null, "propagation": 0.2,
    "finished_at": null, "verdicts": [
      {"gate": "share", "verdict": "PASS", "detail": "10.00% of 500 requests"}]}],
  "finished_at": null
}"""
"""A running deployment as commit d55679d stored it."""


def test_a_deployment_that_an_earlier_version_stored_goes_on() -> None:
    body = json.loads(STORED)
    deployment = rollout.Deployment.from_json(body)
    assert deployment.state is rollout.State.MEASURING
    assert deployment.strategy.steps == (10, 100)
    assert deployment.evidence[0].verdicts[0].verdict is rollout.Verdict.PASS
    again = json.loads(json.dumps(deployment.to_json()))
    assert rollout.Deployment.from_json(again) == deployment
    assert not body.pop("approved")
    assert deployment.approved_step == -1
    assert holds(again, body)
    assert deployment.phase_at == deployment.entered_at
    assert (deployment.kind, deployment.gated, deployment.live) == ("DEPLOY", True, {})
    assert deployment.comparison == rollout.Comparison()
    assert rollout.Deployment.from_json({**body, "of_a_later_version": 1}) == deployment
    assert rollout.Deployment.from_json({**body, "approved": True}).approved
