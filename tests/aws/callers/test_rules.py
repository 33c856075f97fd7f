"""Every operation has a rule, and the rules say who may what."""

from __future__ import annotations

import pytest

from tealmesh.aws.callers import rules
from tealmesh.aws.callers.rules import Asked
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.model.identity.caller import Principal

OURS = ("appmesh", "ecs", "servicediscovery", "tealmesh")
VIEWER = Principal("ann", "viewer")
DEPLOYER = Principal("ci", "deployer", ("shop",), ("web", "api"))
ADMIN = Principal("root", "admin")


@pytest.mark.parametrize("service", OURS)
def test_every_operation_has_a_rule(service: str) -> None:
    names = load_model(service).operation_names
    assert [name for name in names if rules.need(service, name) is None] == []


@pytest.mark.parametrize("service", OURS)
def test_an_operation_without_a_rule_is_the_administrators_alone(service: str) -> None:
    unknown = Asked(service, "FrobnicateMesh", "shop", "web")
    assert rules.why_not(ADMIN, unknown) is None
    assert rules.why_not(VIEWER, unknown) is not None
    assert rules.why_not(DEPLOYER, unknown) is not None


@pytest.mark.parametrize("service", OURS)
def test_a_viewer_changes_nothing(service: str) -> None:
    allowed = [
        name
        for name in load_model(service).operation_names
        if rules.why_not(VIEWER, Asked(service, name)) is None
    ]
    reads = ("Backtest", "Describe", "Discover", "Explain", "Get", "Lint", "List", "Plan")
    assert [name for name in allowed if not name.startswith(reads)] == []


def test_a_deployer_deploys_its_services_and_changes_its_meshes() -> None:
    assert rules.why_not(DEPLOYER, Asked("tealmesh", "Deploy", name="web")) is None
    assert rules.why_not(DEPLOYER, Asked("tealmesh", "Rollback", name="api")) is None
    said = rules.why_not(DEPLOYER, Asked("tealmesh", "Deploy", name="db"))
    assert said == "ci is a deployer of the services web, api only"
    assert rules.why_not(DEPLOYER, Asked("appmesh", "UpdateRoute", "shop")) is None
    assert rules.why_not(DEPLOYER, Asked("appmesh", "UpdateRoute", "other")) is not None
    assert rules.why_not(DEPLOYER, Asked("appmesh", "TagResource")) is not None
    assert rules.why_not(DEPLOYER, Asked("tealmesh", "Shutdown")) is not None
    assert rules.why_not(DEPLOYER, Asked("ecs", "RunTask")) is not None
    assert rules.why_not(DEPLOYER, Asked("secretsmanager", "GetSecretValue")) is not None
    assert rules.why_not(DEPLOYER, Asked("logs", "FilterLogEvents")) is None


def test_everybody_may_ask_who_they_are() -> None:
    assert rules.why_not(VIEWER, Asked("sts", "GetCallerIdentity")) is None
    assert rules.why_not(VIEWER, Asked("sts", "AssumeRole")) is not None
