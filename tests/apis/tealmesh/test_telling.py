"""PlanDeployment and Explain over HTTP: what would happen, and why it does."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.apis.tealmesh.plane import Plane


def test_a_plan_changes_nothing_and_tells_what_a_deployment_would_do(plane: Plane) -> None:
    plane.apply()
    plane.run_tasks("web-blue", 2)
    before = plane.store.revision
    plan = plane.plan_deployment(service="web", image="example/web:2", steps=[10, 100])
    assert plane.store.revision == before
    assert plan["starts"]
    assert (plan["oldImage"], plan["oldSide"], plan["newSide"]) == (
        "example/web:1",
        "blue",
        "green",
    )
    assert [s["weight"] for s in plan["stages"] if s.get("weight")] == [10, 100]
    assert {one["about"] for one in plan["known"] if one["bearing"] == "ok"} >= {"image", "tasks"}
    same = plane.plan_deployment(service="web", image="example/web:1")
    assert not same["starts"]
    assert [one["bearing"] for one in same["known"] if one["about"] == "image"] == ["done"]
    assert plane.plan_deployment(service="web", image="example/web:1", force=True)["starts"]


def test_a_plan_tells_what_would_refuse_it(plane: Plane) -> None:
    plane.apply()
    plane.run_tasks("web-blue", 2)
    plane.deploy(service="web", image="example/web:2")
    plan = plane.plan_deployment(service="web", image="example/web:3")
    assert "is running" in next(o["detail"] for o in plan["known"] if o["about"] == "deployment")
    assert not plan["starts"]
    instead = plane.plan_deployment(service="web", image="example/web:3", replace=True)
    assert instead["starts"], instead["known"]
    assert instead["stages"][0]["title"] == (
        "end deployment 1, of example/web:2 to green, which has given no weight"
    )
    assert (instead["oldSide"], instead["newSide"]) == ("blue", "green")
    alone = plane.plan_deployment(service="web", image="example/web:3", replace=False)
    assert not alone["starts"]


def test_a_deployment_is_explained(plane: Plane) -> None:
    plane.apply()
    plane.run_tasks("web-blue", 2)
    with pytest.raises(ClientError, match="web has no deployment yet"):
        plane.explain(service="web")
    made = plane.deploy(service="web", image="example/web:2")["deployment"]
    told = plane.explain(service="web", deploymentId=made["deploymentId"][:6])
    assert told["deployment"]["deploymentId"] == made["deploymentId"]
    assert told["sentence"].startswith("web: the deployment ")
    for member in ("doing", "why", "following", "latest"):
        assert told[member] in told["sentence"]
    assert told["journal"][0]["transition"] == "CREATED"
    with pytest.raises(ClientError, match="web has no deployment nope"):
        plane.explain(service="web", deploymentId="nope")
    old, _, revision = told["definition"]["old"].rpartition(":")
    assert old.endswith("task-definition/web-blue")
    assert revision == "1"
