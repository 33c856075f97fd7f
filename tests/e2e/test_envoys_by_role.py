"""The users' role policy, "just the active nodes", is enforced: their order of changes works, and
whoever is not in it is named and holds up nobody.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.test_adopted import plane, started
from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.sample import finished
from tests.support.programs.traffic import traffic
from tests.support.waiting import until

__all__ = ["plane"]

ACTION = "appmesh:StreamAggregatedResources"


def allow(plane: ControlPlane, *sides: str) -> None:
    """What Terraform's ``aws_iam_role_policy`` puts."""
    begin = "arn:aws:appmesh:us-east-1:123456789012:mesh/article/virtualNode/sample-"
    nodes = [f"{begin}{side}" for side in sides]
    statement = {"Effect": "Allow", "Action": ACTION, "Resource": nodes}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = plane.client("iam")
    iam.put_role_policy(RoleName="task", PolicyName="nodes", PolicyDocument=document)


def envoys(plane: ControlPlane, side: str) -> list[Any]:
    shown = json.loads(plane.teal("envoys", "--mesh", "article", "--json").stdout)
    return [one for one in shown if one["resource"].endswith(f"sample-{side}")]


def refused(plane: ControlPlane, side: str) -> list[Any]:
    return [one for one in envoys(plane, side) if f"may not {ACTION}" in one.get("note", "")]


@pytest.mark.timeout(180)
def test_only_the_nodes_of_the_policy_get_their_configuration(plane: ControlPlane) -> None:
    plane.client("iam").create_role(RoleName="task", AssumeRolePolicyDocument="{}")
    allow(plane, "blue")
    article, url = started(plane, "blue")
    with traffic((url, 50)) as load:
        # A side that is not in the policy does not start, and it is said why.
        article.start_side("green")
        until(lambda: refused(plane, "green"), plane.log)
        allow(plane, "blue", "green")
        article.ecs.get_waiter("services_stable").wait(
            cluster=article.cluster,
            services=[article.ecs_service("green")],
            WaiterConfig={"Delay": 1, "MaxAttempts": 60},
        )
        article.update_route(green=1)
        until(lambda: load.watch(0.2).versions.keys() == {"2"}, plane.log)
        allow(plane, "green")
        until(lambda: refused(plane, "blue"), plane.log)
        assert not envoys(plane, "blue")[0]["connected"]
        # Its task drains all the same, and no change waits for it.
        article.stop_side("blue")
        total = load.stop()
    assert not total.failures
    told = plane.teal("events").stdout
    assert "goes on although not every Envoy" not in told


@pytest.mark.drill
@pytest.mark.timeout(180)
def test_a_side_that_teal_makes_needs_no_policy_of_its_own(plane: ControlPlane) -> None:
    plane.client("iam").create_role(RoleName="task", AssumeRolePolicyDocument="{}")
    allow(plane, "blue")
    _, url = started(plane, "blue")
    with traffic((url, 100)) as load:
        plane.teal("deploy", "sample", "--image", "example/sample:0.0.2", check=False)
        assert finished(plane, "sample")["status"] == "SUCCESSFUL", plane.teal("events").stdout
        total = load.stop()
    assert not total.failures
    (green,) = envoys(plane, "green")
    assert green["connected"]
