"""What SDKs and Terraform make is seen by `teal`: the users' system, made by boto3."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.machine import free_port
from tests.support.meshes.article import NETWORK, Article
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.wire.test_article import _config, _steady

JOB: dict[str, Any] = {
    "requiresCompatibilities": ["FARGATE"],
    "networkMode": "awsvpc",
    "cpu": "256",
    "memory": "512",
}


def test_everything_is_seen(tmp_path: Path) -> None:
    with control_plane(tmp_path, _config(tmp_path)) as plane:
        clients = [plane.client(name) for name in ("appmesh", "ecs", "servicediscovery")]
        article = Article(*clients)
        port = free_port()
        _make(article, port)
        _status(plane, article, port)
        _envoys_and_logs(plane, article)
        _events_and_doctor(plane)


def _make(article: Article, port: int) -> None:
    """The users' system with both sides, a plain virtual service, and tasks without a mesh."""
    article.foundation()
    article.start_side("blue")
    article.create_route(blue=100)
    article.gateway(port, "127.0.0.1")
    article.start_side("green")
    article.appmesh.create_virtual_service(
        meshName=article.mesh,
        virtualServiceName="plain.article.local",
        spec={"provider": {"virtualNode": {"virtualNodeName": "sample-blue"}}},
    )
    for family, image in (("batch", "example/sample:0.0.1"), ("broken", "nobody/knows:1")):
        container = {
            "name": "job",
            "image": image,
            "environment": [{"name": "PORT", "value": "9000"}],
        }
        article.ecs.register_task_definition(family=family, containerDefinitions=[container], **JOB)
        article.ecs.create_service(
            cluster=article.cluster,
            serviceName=family,
            taskDefinition=family,
            desiredCount=1,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
        )
    article.ecs.run_task(
        cluster=article.cluster,
        taskDefinition="batch",
        launchType="FARGATE",
        networkConfiguration=NETWORK,
    )
    _steady(article, article.ecs_service("blue"), article.ecs_service("green"), "edge", "batch")


def _status(plane: ControlPlane, article: Article, port: int) -> None:
    def look(*options: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(plane.teal("status", "--json", *options).stdout)
        return answer

    deadline = time.monotonic() + 60
    status = look()
    while "share" not in status["services"][0]["sides"][0] or not status.get("tasks"):
        assert time.monotonic() < deadline, status
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            assert answer.status == 200
        status = look()
    (service,) = status["services"]
    blue, green = service["sides"]
    assert (service["name"], service["mesh"]) == ("sample", article.mesh)
    assert (blue["side"], blue["weight"], blue["share"], blue["healthy"]) == ("blue", 100, 1.0, 1)
    assert (green["side"], green["weight"], green["share"], green["healthy"]) == ("green", 0, 0, 1)
    assert (blue["image"], green["image"]) == (article.images["blue"], article.images["green"])
    assert green["ecsService"] == f"{article.cluster}/{article.ecs_service('green')}"
    assert service["release"]["step"] == 1
    assert service["release"]["safe"] is True, service
    (plain,) = status["virtualServices"]
    assert plain["nodes"][0]["ecsServices"] == [blue["ecsService"]]
    (gateway,) = status["gateways"]
    assert gateway["addresses"] == [f"http://127.0.0.1:{port}/"]
    assert {s["name"]: s["desired"] for s in status["ecsServices"]} == {"batch": 1, "broken": 1}
    assert [task["taskDefinition"] for task in status["tasks"]] == ["batch:1"]
    assert status["meshes"] == [{"name": article.mesh, "envoys": 3, "connected": 3, "rejected": 0}]
    only = look("--mesh", article.mesh)
    assert (len(only["services"]), only["ecsServices"], only["tasks"]) == (1, [], [])
    assert "no mesh 'articel'" in plane.teal("status", "--mesh", "articel", check=False).stderr
    shown = plane.teal("status").stdout
    for words in ("step 1 of 4: green has started and gets no requests", "article/batch"):
        assert words in shown, shown


def _envoys_and_logs(plane: ControlPlane, article: Article) -> None:
    shown = plane.teal("envoys").stdout
    rows = [line.split() for line in shown.splitlines()]
    assert rows[1] == ["mesh", article.mesh]
    assert shown.count("IAM does not know its role") == 2, "the article's, which nobody made here"
    assert sorted((row[0], row[4]) for row in rows[2:] if row[4:5] in (["yes"], ["no"])) == [
        ("edge", "yes"),
        ("sample-blue", "yes"),
        ("sample-green", "yes"),
    ]
    for name in ("sample", "sample.article.local", article.ecs_service("blue"), "article/batch"):
        done = plane.teal("logs", name)
        assert "listening on" in done.stdout
        assert "envoy]" not in done.stdout
    assert " envoy]" in plane.teal("logs", "sample", "--envoy").stdout
    assert " envoy]" in plane.teal("logs", "edge").stdout
    missing = plane.teal("logs", "sampel", check=False)
    assert (missing.returncode, "did you mean sample?" in missing.stderr) == (1, True)


def _events_and_doctor(plane: ControlPlane) -> None:
    events = plane.teal("events", "-n", "200").stdout
    for words in (
        "created virtual node sample-blue in mesh article",
        "created route sample of router sample in mesh article",
        "created ECS service article-sample-green in cluster article",
        "registered task definition batch:1",
    ):
        assert words in events
    done = plane.teal("doctor", check=False)
    assert done.returncode == 1
    assert "wrong ECS service article/broken: 0 of 1 tasks are running" in done.stdout
    assert "ok    service sample: all tasks are healthy" in done.stdout
    unknown = next(line for line in done.stdout.splitlines() if " mesh article: " in line)
    assert unknown.startswith("note ")
    assert unknown.count("IAM does not know its role") == 2
