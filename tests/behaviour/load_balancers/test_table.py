"""The table as a whole: the page shows it, and ELB's API accepts the load balancer of every row."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from tealmesh.apis.elasticloadbalancing.refused import check
from tests.behaviour.load_balancers import page
from tests.behaviour.load_balancers.rows import ROWS
from tests.behaviour.load_balancers.table import ARN, Row, load_balancer

MODEL = botocore.session.Session().get_service_model("elbv2")

SLOWER = {"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 2}
"""The least that the API takes: rows are checked more often."""


def test_there_are_many_rows_and_each_has_its_own_name() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 40
    assert [row.name for row in ROWS if not row.calls or not row.says] == []


def test_the_page_is_up_to_date() -> None:
    command = "python -m tests.behaviour.load_balancers.page"
    assert page.PAGE.read_text() == page.text(), f"run: {command}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_api_has_all_that_the_row_uses(row: Row) -> None:
    made = load_balancer(row, "127.0.0.1", {})
    for group in made["target_groups"].values():
        _accepted("CreateTargetGroup", _only("CreateTargetGroup", {**_named(group), **SLOWER}))
    for listener in made["load_balancer"]["Listeners"]:
        request = _only("CreateListener", listener)
        arn = made["load_balancer"]["LoadBalancerArn"]
        certificates = [{"CertificateArn": one} for one in listener["Certificates"]]
        _accepted(
            "CreateListener", {**request, "LoadBalancerArn": arn, "Certificates": certificates}
        )
        for rule in listener["Rules"]:
            request = _only("CreateRule", rule)
            _accepted("CreateRule", {**request, "ListenerArn": f"{ARN}listener/x"})


def _named(group: dict[str, Any]) -> dict[str, Any]:
    return {**group, "Name": group["TargetGroupName"]}


def _only(operation: str, body: dict[str, Any]) -> dict[str, Any]:
    """The members of a request that ``body`` has."""
    members = MODEL.operation_model(operation).input_shape.members
    request = {name: value for name, value in body.items() if name in members}
    if "AlpnPolicy" in request:
        request["AlpnPolicy"] = [request["AlpnPolicy"]]
    return request


def _accepted(operation: str, request: dict[str, Any]) -> None:
    report = ParamValidator().validate(request, MODEL.operation_model(operation).input_shape)
    assert not report.has_errors(), report.generate_report()
    check(operation, request)
