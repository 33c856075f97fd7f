"""Services as documents, real processes: the engine with its real store and process runtime."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from pathlib import Path
from typing import Any

import httpx

from tealmesh.engine.scheduler.plan import Policy
from tealmesh.store import tables
from tealmesh.store.store import Store
from tests.support.planes.engine import (
    Documents,
    definition,
    deployment,
    engine_context,
    quick_times,
    running,
    service,
    web,
)

CLOCKS_APART = 0.05
"""Seconds by which the wall clock may be slewed within a second, and more."""

HEALTHY = {
    "command": [
        "CMD-SHELL",
        f'{sys.executable} -c "import os,urllib.request as u;'
        "u.urlopen('http://'+os.environ['HOST']+':'+os.environ['PORT']+'/',timeout=2)\"",
    ],
    "interval": 1,
    "timeout": 3,
}


def get(task: Any, path: str) -> str:
    return (
        httpx.get(f"http://{task['teal']['address']}:8080{path}", trust_env=False, verify=False)
        .raise_for_status()
        .text
    )


def deploy(identity: str, arn: str) -> Any:
    """What UpdateService does with a new task definition."""

    def change(body: dict[str, Any]) -> None:
        for old in body["deployments"]:
            old["status"] = "ACTIVE"
        fresh = deployment(identity, arn, body["desiredCount"])
        body["deployments"] = [fresh, *body["deployments"]]
        body["taskDefinition"] = arn

    return change


def test_a_service_runs_is_replaced_and_is_deleted(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        await documents.images(web="version=1", next="version=2")
        one = await documents.define(definition("web", 1, web(healthCheck=HEALTHY)))
        two = await documents.define(definition("web", 2, web("team/next:2", healthCheck=HEALTHY)))
        async with running(engine_context(tmp_path, store)):
            await documents.put_service(service("web", one, 2))
            await documents.steady("web")
            tasks = documents.tasks("RUNNING")
            assert [get(t, "/") for t in tasks] == ["1", "1"]
            assert {t["healthStatus"] for t in tasks} == {"HEALTHY"}
            assert documents.service("web")["runningCount"] == 2

            least: list[int] = []

            def watch_ready(_: object) -> bool:
                running_now = documents.tasks("RUNNING")
                least.append(sum(t["desiredStatus"] == "RUNNING" for t in running_now))
                body = documents.service("web")
                return (
                    body["deployments"][0]["rolloutState"] == "COMPLETED"
                    and len(body["deployments"]) == 1
                )

            await documents.update_service("web", deploy("ecs-svc/2", two))
            await documents.until(watch_ready)
            assert min(least) >= 2, "minimum healthy percent is 100"
            tasks = documents.tasks("RUNNING")
            assert [get(t, "/") for t in tasks] == ["2", "2"]

            def delete(body: dict[str, Any]) -> None:
                body["status"], body["desiredCount"] = "DRAINING", 0

            await documents.update_service("web", delete)
            await documents.until(lambda _: documents.service("web")["status"] == "INACTIVE")
            assert {t["lastStatus"] for t in documents.tasks()} == {"STOPPED"}
            texts = " ".join(documents.events("web"))
            assert "has started 2 tasks" in texts
            assert "has reached a steady state." in texts
        store.close()

    asyncio.run(scenario())


def test_what_dies_is_started_again_later_each_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        await documents.images(web="crash")
        arn = await documents.define(definition("web", 1, web()))
        policy = Policy(backoff_first=0.2, backoff_cap=5)
        async with running(engine_context(tmp_path, store, policy=policy)):
            await documents.put_service(service("web", arn, 1))
            await documents.until(lambda _: len(documents.tasks("STOPPED")) >= 4)
            stopped = sorted(documents.tasks("STOPPED"), key=lambda t: t["createdAt"])[:4]
            gaps = [
                after["createdAt"] - before["stoppedAt"]
                for before, after in itertools.pairwise(stopped[1:])
            ]
            # Waits go by the steady clock, and what is stored by the wall's.
            assert gaps[0] >= 0.2 - CLOCKS_APART
            assert gaps[1] >= 0.4 - CLOCKS_APART
            assert stopped[0]["stopCode"] == "EssentialContainerExited"
            assert stopped[0]["containers"][0]["exitCode"] == 3
            assert "this application cannot work: no database" in stopped[0]["stoppedReason"]
            assert any("no database" in text for text in documents.events("web"))
            assert documents.service("web")["deployments"][0]["failedTasks"] >= 4
        store.close()

    asyncio.run(scenario())


def test_a_task_that_never_becomes_healthy_is_rolled_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        await documents.images(web="version=1", bad="silent")
        one = await documents.define(definition("web", 1, web(healthCheck=HEALTHY)))
        two = await documents.define(definition("web", 2, web("team/bad:2", healthCheck=HEALTHY)))
        configuration = {
            "minimumHealthyPercent": 100,
            "maximumPercent": 200,
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        }
        given = engine_context(
            tmp_path, store, times=quick_times(start=2), policy=Policy(backoff_first=0.05)
        )
        async with running(given):
            await documents.put_service(
                service("web", one, 1, deploymentConfiguration=configuration)
            )
            await documents.steady("web")
            (first,) = documents.tasks("RUNNING")
            await documents.update_service("web", deploy("ecs-svc/2", two))
            await documents.until(lambda _: documents.service("web")["taskDefinition"] == one)
            await documents.steady("web")
            (left,) = documents.tasks("RUNNING")
            assert left["taskArn"] == first["taskArn"], "the healthy task was never touched"
            # On a busy machine a good one may start too slowly as well.
            bad = [t for t in documents.tasks("STOPPED") if t["taskDefinitionArn"] == two]
            failed = [t for t in bad if t["teal"].get("failed")]
            assert len(failed) == 3
            assert "failed health checks" in failed[0]["stoppedReason"]
            assert "still loading the database" in failed[0]["stoppedReason"]
            texts = documents.events("web")
            assert any("deployment failed: tasks failed to start" in text for text in texts)
            assert any("rolling back to deployment ecs-svc/1" in text for text in texts)
        store.close()

    asyncio.run(scenario())


def test_an_image_that_is_not_in_the_map_says_what_to_do(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        await documents.images(web="version=1")
        arn = await documents.define(definition("web", 1, web("other/thing:9")))
        async with running(engine_context(tmp_path, store)):
            await documents.put_service(service("web", arn, 1))
            await documents.until(lambda _: bool(documents.tasks("STOPPED")))
            reason = documents.tasks("STOPPED")[0]["stoppedReason"]
            assert "other/thing:9" in reason
            assert "add it under [images] in teal.toml" in reason
            assert "team/web:*" in reason
        store.close()

    asyncio.run(scenario())


def test_registered_when_ready_and_gone_when_it_dies(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        await documents.images(web="version=1")
        arn = await documents.define(definition("web", 1, web(healthCheck=HEALTHY)))
        await store.write(
            "test",
            "CloudMap",
            lambda tx: tx.put(
                tables.SD_SERVICES, "srv-1", body={"id": "srv-1", "name": "web", "namespaceId": "n"}
            ),
        )
        registry = {"registryArn": "arn:aws:servicediscovery:us-east-1:1:service/srv-1"}
        async with running(engine_context(tmp_path, store)):
            await documents.put_service(service("web", arn, 1, serviceRegistries=[registry]))
            await documents.steady("web")
            (task,) = documents.tasks("RUNNING")
            (instance,) = store.view.list(tables.INSTANCES, "srv-1")
            attributes = instance.body["attributes"]
            assert attributes["AWS_INSTANCE_IPV4"] == task["teal"]["address"]
            assert attributes["AWS_INSTANCE_PORT"] == "8080"
            assert attributes["ECS_SERVICE_NAME"] == "web"
            assert attributes["ECS_TASK_DEFINITION_FAMILY"] == "web"

            os.kill(int(get(task, "/pid")), signal.SIGKILL)
            await documents.until(
                lambda view: all(
                    d.body["id"] != instance.body["id"]
                    for d in view.list(tables.INSTANCES, "srv-1")
                )
            )
            await documents.until(lambda _: bool(documents.tasks("RUNNING")))
            (again,) = documents.tasks("RUNNING")
            assert again["taskArn"] != task["taskArn"]
            (dead,) = documents.tasks("STOPPED")
            assert dead["containers"][0]["exitCode"] == 137
        store.close()

    asyncio.run(scenario())


def test_a_registry_or_target_group_that_is_gone_is_said_and_nothing_counts_as_steady(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        await documents.images(web="version=1")
        arn = await documents.define(definition("web", 1, web()))
        registry = "arn:aws:servicediscovery:us-east-1:1:service/srv-gone"
        group = "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/gone/1"
        balancer = {"targetGroupArn": group, "containerName": "app", "containerPort": 8080}
        async with running(engine_context(tmp_path, store)):
            await documents.put_service(
                service("found", arn, 1, serviceRegistries=[{"registryArn": registry}])
            )
            await documents.put_service(service("balanced", arn, 1, loadBalancers=[balancer]))
            for name, told in (
                ("found", f"failed to register instance in (service-registry {registry})"),
                ("balanced", f"failed to register targets in (target-group {group})"),
            ):
                await documents.until(
                    lambda _, name=name, told=told: any(
                        told in event for event in documents.events(name)
                    )
                )
                assert not any("steady" in event for event in documents.events(name))
            await documents.until(
                lambda _: len({t["group"] for t in documents.tasks("STOPPED")}) == 2
            )
            reasons = {t["group"]: t["stoppedReason"] for t in documents.tasks("STOPPED")}
            assert "(error ServiceNotFound: " in reasons["service:found"]
            assert "(error TargetGroupNotFound: " in reasons["service:balanced"]
        store.close()

    asyncio.run(scenario())
