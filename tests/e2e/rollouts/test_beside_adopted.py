"""Preview, copies and a cohort of a service that others made, as Terraform does: `teal` changes
their routes, and leaves of that nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.machine import free_port
from tests.support.meshes.article import Article
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import IMAGES, api, finished
from tests.support.programs.traffic import traffic
from tests.support.waiting import until

COPIED = """
steps = [{ weight = 50, approval = true }, 100]
preview = { allow = ["edge"] }
mirror = { percent = 100, time = "500ms" }
"""
COHORT = """
type = "ab"
match = { header = "x-cohort", value = "beta" }
"""


def settings(strategy: str, approval: bool = False) -> str:
    images = "\n".join(f"{json.dumps(name)} = {json.dumps(run)}" for name, run in IMAGES.items())
    return f"""
[mesh]
name = "article"
[images]
{images}

[adopted.sample.strategy]
step_time = "500ms"
bake_time = "300ms"
{strategy}
[adopted.sample.gates]
min_requests = 5
compare = false
approval = {json.dumps(approval)}
"""


def started(plane: ControlPlane) -> tuple[Article, str]:
    """The system with its blue side; and the URL of its gateway."""
    clients = (plane.client(name) for name in ("appmesh", "ecs", "servicediscovery"))
    article, port = Article(*clients), free_port()
    article.foundation()
    article.start_side("blue")
    article.create_route(blue=1)
    article.gateway(port, "127.0.0.1")
    article.ecs.get_waiter("services_stable").wait(
        cluster=article.cluster,
        services=[article.ecs_service("blue"), "edge"],
        WaiterConfig={"Delay": 1, "MaxAttempts": 60},
    )
    return article, f"http://127.0.0.1:{port}/"


def version(url: str, **headers: str) -> str:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = httpx.get(url, headers=fields, timeout=20)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["version"])


def awaiting(plane: ControlPlane) -> Any:
    """The deployment, once it waits for approval."""

    def waits() -> bool:
        deployment = api(plane).get_deployment("sample")
        assert not deployment.get("finishedAt"), deployment
        return bool(deployment["state"] == "AWAITING_APPROVAL")

    until(waits, lambda: api(plane).get_deployment("sample"))
    return api(plane).get_deployment("sample")


def deploy(plane: ControlPlane, image: str) -> None:
    plane.teal("deploy", "sample", "--image", f"example/sample:{image}", "--no-follow")


@pytest.mark.drill
@pytest.mark.timeout(180)
def test_a_new_version_is_copied_to_and_previewed_before_anybody_else_sees_it(
    tmp_path: Path,
) -> None:
    config = tmp_path / "teal.toml"
    config.write_text(settings(COPIED))
    with control_plane(tmp_path, config) as plane:
        article, url = started(plane)
        before = route(article)
        with traffic((url, 60.0)) as load:
            deploy(plane, "0.0.2")
            deployment = awaiting(plane)
            (mirror,) = deployment["besideVerdicts"]
            assert (mirror["gate"], mirror["verdict"]) == ("mirror", "PASS"), mirror
            assert version(url, x_teal_preview="green") == "2"
            assert version(url, x_teal_preview="sample=green") == "2"
            assert version(url, x_teal_preview="blue") == version(url) == "1"
            assert set(load.total.versions) == {"1"}
            plane.teal("approve", "sample")
            assert finished(plane, "sample")["status"] == "SUCCESSFUL"
            config.write_text(settings(COHORT, approval=True))
            plane.teal("apply", "--config", str(config))
            deploy(plane, "0.0.1")
            until(lambda: api(plane).get_deployment("sample")["state"] == "COHORT")
            until(lambda: version(url, x_cohort="beta") == "1")
            for _ in range(20):
                assert version(url, x_cohort="beta") == "1"
                assert version(url) == version(url, x_cohort="alpha") == "2"
            deployment = awaiting(plane)
            assert deployment["besideVerdicts"][0]["gate"] == "cohort"
            plane.teal("abort", "sample")
            until(lambda: bool(api(plane).get_deployment("sample").get("finishedAt")))
            assert version(url, x_cohort="beta") == "2"
            total = load.stop()
        after = route(article)
    assert not total.failures
    assert {**after["httpRoute"], "action": 0} == {**before["httpRoute"], "action": 0}


def route(article: Article) -> Any:
    return article.appmesh.describe_route(
        meshName=article.mesh, virtualRouterName=article.app, routeName=article.app
    )["route"]["spec"]
