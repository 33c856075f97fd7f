"""Our own API over HTTP, by a boto3 client, with the AWS services that it uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tealmesh.apis.tealmesh.api import Tealmesh
from tealmesh.aws.wire.apimodel import models_path
from tests.apis.tealmesh.plane import Plane, refused


def test_status_shows_every_side(plane: Plane) -> None:
    plane.apply()
    plane.run_tasks("web-blue", 2)
    status = plane.get_status()
    web = next(one for one in status["services"] if one["name"] == "web")
    blue, green = web["sides"]
    assert (web["image"], web["hostname"], web["port"]) == ("example/web:1", "web.demo.local", 8080)
    assert (blue["weight"], blue["running"], blue["desired"], blue["healthy"]) == (100, 2, 2, 2)
    assert (green["weight"], green["running"], green["requests"]) == (0, 0, 0)
    assert "share" not in blue
    assert status["gateways"][0]["address"] == "127.0.0.1"


def test_weights_are_set_only_where_tasks_can_serve(plane: Plane) -> None:
    plane.apply()
    for weights, message in (
        ({"green": 1}, "green = 1: it has no healthy task"),
        ({"red": 1}, "'red' must be one of the sides blue, green"),
        ({"blue": 0}, "at least one must be greater than zero"),
    ):
        with pytest.raises(ClientError) as error:
            plane.set_weights(service="web", weights=weights)
        assert refused(error)[0] == "BadRequestException"
        assert message in refused(error)[1]
    plane.run_tasks("web-blue", 2)
    answer = plane.set_weights(service="web", weights={"blue": 7})
    assert answer["weights"] == {"blue": 7}
    mesh = plane.aws("appmesh")
    route = mesh.describe_route(meshName="demo", virtualRouterName="web", routeName="route")
    assert route["route"]["spec"]["httpRoute"]["action"]["weightedTargets"] == [
        {"virtualNode": "web-blue", "weight": 7}
    ]


def test_a_deployment_begins_and_is_rolled_back(plane: Plane) -> None:
    plane.apply()
    plane.run_tasks("web-blue", 2)
    with pytest.raises(ClientError, match="web has no deployment yet"):
        plane.get_deployment(service="web")
    (latest,) = plane.list_events(limit=1)["events"]
    assert latest["revision"] > 0
    assert latest["message"]
    made = plane.deploy(service="web", image="example/web:2", steps=[10, 100], clientToken="t")
    deployment = made["deployment"]
    assert (deployment["oldSide"], deployment["newSide"]) == ("blue", "green")
    assert (deployment["oldImage"], deployment["newImage"]) == ("example/web:1", "example/web:2")
    assert (deployment["strategy"], deployment["steps"]) == ("canary", [10, 100])
    again = plane.deploy(service="web", image="example/web:2", clientToken="t")["deployment"]
    assert again["deploymentId"] == deployment["deploymentId"]
    for call in (
        lambda: plane.deploy(service="web", image="example/web:3"),
        lambda: plane.set_weights(service="web", weights={"blue": 1}),
        lambda: plane.approve(service="web"),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert refused(error)[0] == "ConflictException"

    ecs, green = plane.aws("ecs"), {"cluster": "demo", "services": ["web-green"]}
    while not ecs.describe_services(**green)["services"]:
        pass
    aborted = plane.rollback(service="web")["deployment"]
    assert aborted["status"] == "ROLLBACK_IN_PROGRESS"
    transitions = transitions_until_rolled_back(plane)
    assert transitions[0] == "CREATED"
    assert transitions[-4:] == ["ROLLING_BACK", "CONVERGING_BACK", "CLEANING_BACK", "ROLLED_BACK"]
    done = plane.list_deployments(service="web")["deployments"]
    assert [d["status"] for d in done] == ["ROLLBACK_SUCCESSFUL"]
    assert done[0]["reason"] == "aborted by tester"


def transitions_until_rolled_back(plane: Plane) -> list[str]:
    """Follow the journal; the tasks of green stop once its service is being deleted."""
    seen: list[str] = []
    after = 0
    while "ROLLED_BACK" not in seen:
        answer = plane.list_journal(service="web", after=after, waitSeconds=10)
        assert answer["entries"], seen
        seen += [entry["transition"] for entry in answer["entries"]]
        after = answer["entries"][-1]["sequence"]
        if seen[-1] == "CLEANING_BACK":
            while plane.ecs_service("web-green")["status"] != "DRAINING":
                pass
            plane.tasks_are_gone("web-green")
    return seen


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"steps": [50, 10, 100]}, "must rise and end with 100"),
        ({"steps": [10, 50]}, "must rise and end with 100"),
        ({"strategy": "bluegreen", "steps": [10, 100]}, "must be [100] for strategy bluegreen"),
        ({"strategy": "sideways"}, "sideways"),
    ],
)
def test_deploy_refuses_an_impossible_strategy(
    plane: Plane, asked: dict[str, Any], message: str
) -> None:
    plane.apply()
    with pytest.raises(ClientError) as error:
        plane.deploy(service="web", image="example/web:2", **asked)
    assert message in refused(error)[1]


def test_a_deployment_starts_from_one_side_with_weight(plane: Plane) -> None:
    plane.apply()
    mesh = plane.aws("appmesh")
    spec = mesh.describe_virtual_node(meshName="demo", virtualNodeName="web-blue")
    mesh.create_virtual_node(
        meshName="demo", virtualNodeName="web-green", spec=spec["virtualNode"]["spec"]
    )
    targets = [{"virtualNode": f"web-{side}", "weight": 1} for side in ("blue", "green")]
    route = mesh.describe_route(meshName="demo", virtualRouterName="web", routeName="route")
    route["route"]["spec"]["httpRoute"]["action"]["weightedTargets"] = targets
    mesh.update_route(
        meshName="demo", virtualRouterName="web", routeName="route", spec=route["route"]["spec"]
    )
    with pytest.raises(ClientError, match="weights blue=1 green=1"):
        plane.deploy(service="web", image="example/web:2")


@pytest.mark.parametrize(
    ("operation", "asked"),
    [
        ("deploy", {"service": "no", "image": "x"}),
        ("approve", {"service": "no"}),
        ("rollback", {"service": "no"}),
        ("set_weights", {"service": "no", "weights": {"blue": 1}}),
        ("get_deployment", {"service": "no"}),
        ("list_deployments", {"service": "no"}),
        ("list_journal", {"service": "no"}),
        ("get_logs", {"service": "no"}),
        ("get_logs", {"service": "web", "side": "red"}),
        ("get_deployment", {"service": "web", "deploymentId": "none"}),
        ("get_convergence", {"mesh": "no"}),
        ("list_envoys", {"mesh": "no"}),
    ],
)
def test_what_does_not_exist_is_named(plane: Plane, operation: str, asked: dict[str, Any]) -> None:
    if asked.get("service") == "web":
        plane.apply()
    with pytest.raises(ClientError) as error:
        getattr(plane, operation)(**asked)
    code, message = refused(error)
    assert code == "NotFoundException"
    assert any(str(value) in message for value in asked.values())


def test_convergence_envoys_logs_and_shutdown(plane: Plane) -> None:
    plane.apply()
    mesh = plane.get_convergence(mesh="demo")
    assert (mesh["converged"], mesh["expected"], mesh["acknowledged"]) == (True, 0, 0)
    assert mesh["revision"] == plane.store.revision
    assert plane.list_envoys(mesh="demo")["envoys"] == []
    assert plane.get_logs(service="web")["lines"] == []
    plane.shutdown(stopTasks=True)
    assert plane.stopped == [True]


def test_a_lock_ends_within_the_calendar_and_a_reason_fits_on_a_page(plane: Plane) -> None:
    for members, code, message in (
        ({"seconds": 1e300}, "BadRequestException", "at most 31622400 (366 days)"),
        ({"seconds": -1.0}, "BadRequestException", "seconds = -1: must be more than 0"),
        ({"reason": "x" * 256}, "BadRequestException", "less than or equal to 255"),
    ):
        with pytest.raises(ClientError) as error:
            plane.lock(service="web", **members)
        assert refused(error)[0] == code
        assert message in refused(error)[1]


def test_no_request_waits_for_more_than_a_minute(plane: Plane) -> None:
    for wait in (plane.get_deployment, plane.list_journal):
        with pytest.raises(ClientError, match="Member must have value less than or equal to 60"):
            wait(service="web", waitSeconds=61)


def test_every_operation_of_the_model_has_a_method() -> None:
    model = json.loads(Path(models_path(), "tealmesh/2026-11-01/service-2.json").read_text())
    assert len(model["operations"]) >= 21
    for operation in model["operations"]:
        assert callable(getattr(Tealmesh, xform_name(operation)))
