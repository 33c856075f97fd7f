"""The record of a deployment follows what becomes of it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tealmesh.model.ecs import deployments as history
from tealmesh.model.ecs.bodies import ServiceDeploymentBody


def deployment(identity: str, status: str, state: str) -> dict[str, Any]:
    reason = f"{state} of {identity}."
    return {"id": identity, "status": status, "rolloutState": state, "rolloutStateReason": reason}


def service(*deployments: dict[str, Any], status: str = "ACTIVE", rollback: bool = True) -> Any:
    return {
        "serviceArn": "arn:aws:ecs:r:1:service/c/s",
        "status": status,
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"rollback": rollback}},
        "deployments": list(deployments),
    }


OLD, GOING = deployment("e/1", "ACTIVE", "COMPLETED"), deployment("e/2", "PRIMARY", "IN_PROGRESS")
FAILED = deployment("e/2", "ACTIVE", "FAILED")

RECORD: ServiceDeploymentBody = {
    "id": "e/2",
    "serviceDeploymentArn": "arn:aws:ecs:r:1:service-deployment/c/s/2",
    "serviceArn": "arn:aws:ecs:r:1:service/c/s",
    "clusterArn": "arn:aws:ecs:r:1:cluster/c",
    "status": "IN_PROGRESS",
    "lifecycleStage": "SCALE_UP",
}


@pytest.mark.parametrize(
    ("now", "becomes"),
    [
        (service(GOING, OLD), "IN_PROGRESS"),
        (service(GOING | {"rolloutState": "COMPLETED"}), "SUCCESSFUL"),
        (service(GOING | {"rolloutState": "FAILED"}), "ROLLBACK_FAILED"),
        (service(GOING | {"rolloutState": "FAILED"}, rollback=False), "STOPPED"),
        (service(deployment("e/3", "PRIMARY", "IN_PROGRESS"), GOING | {"status": "A"}), "STOPPED"),
        (service(deployment("e/1", "PRIMARY", "IN_PROGRESS"), FAILED), "ROLLBACK_IN_PROGRESS"),
        (service(deployment("e/1", "PRIMARY", "COMPLETED"), FAILED), "ROLLBACK_SUCCESSFUL"),
        (service(GOING, status="DRAINING"), "STOPPED"),
        (service(status="INACTIVE"), "STOPPED"),
    ],
)
def test_a_record_follows_its_deployment(now: Any, becomes: str) -> None:
    untouched = copy.deepcopy(RECORD)
    after = history.progressed(RECORD, now, 5.0)
    assert (RECORD, after["status"]) == (untouched, becomes)
    ended = becomes in history.FINISHED
    assert after.get("finishedAt") == (5.0 if ended else None)
    assert ("lifecycleStage" in after) is not ended
    # A finished record never changes, and doing it twice changes nothing.
    assert history.progressed(after, now, 9.0) == after
    if ended:
        assert history.progressed(after, service(GOING), 9.0) == after


def test_a_rollback_succeeds_when_the_restored_deployment_completes() -> None:
    back = deployment("e/1", "PRIMARY", "IN_PROGRESS")
    going = history.progressed(RECORD, service(back, FAILED), 5.0)
    done = history.progressed(going, service(back | {"rolloutState": "COMPLETED"}), 6.0)
    assert (done["status"], done["statusReason"]) == ("ROLLBACK_SUCCESSFUL", "FAILED of e/2.")
    other = service(deployment("e/3", "PRIMARY", "IN_PROGRESS"), back | {"status": "ACTIVE"})
    assert history.progressed(going, other, 6.0)["status"] == "STOPPED"
