"""Who may assume a role, by its trust policy."""

from __future__ import annotations

from typing import Any

import pytest

from tealmesh.aws.callers.trust import why_not_trusted
from tealmesh.model.identity.caller import Principal

IAM = "arn:aws:iam::123456789012:"
TASK = Principal("arn:aws:sts::123456789012:assumed-role/web/t", "role", role=f"{IAM}role/web")
ASSUME = "sts:AssumeRole"


def statement(principal: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": ASSUME, **more}


@pytest.mark.parametrize(
    "principal",
    ["*", {"AWS": "*"}, {"AWS": "123456789012"}, {"AWS": f"{IAM}root"}, {"AWS": f"{IAM}role/web"},
     {"AWS": ["other", TASK.name]}, {"Service": "ec2.amazonaws.com", "AWS": TASK.role}],
)  # fmt: skip
def test_trusted(principal: Any) -> None:
    assert why_not_trusted({"Statement": statement(principal)}, TASK, ASSUME) is None
    denied: Any = [statement("*"), statement(principal, "Deny")]
    assert "does not allow" in str(why_not_trusted({"Statement": denied}, TASK, ASSUME))


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"Statement": []},
        {"Statement": statement({"Service": "ecs-tasks.amazonaws.com"})},
        {"Statement": statement({"AWS": f"{IAM}role/other"})},
        {"Statement": statement({"AWS": "arn:aws:iam::210987654321:root"})},
        {"Statement": statement({"Federated": "accounts.google.com"})},
        {"Statement": statement("*", Action="sts:TagSession")},
        {"Statement": statement("*", Condition={"StringEquals": {"sts:ExternalId": "x"}})},
        {"Statement": {"Effect": "Allow", "NotPrincipal": {"AWS": "x"}, "Action": ASSUME}},
    ],
)
def test_not_trusted(policy: Any) -> None:
    assert "does not allow" in str(why_not_trusted(policy, TASK, ASSUME))
