"""Stopped tasks of a service are described, all of them, and each once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tealmesh.model.arn import last_part
from tealmesh.rollout.drivers.stopped import StoppedTasks
from tests.support.planes.ecs import FARGATE, NETWORK, endpoint, one_task, stopped_tasks


def test_all_are_described_and_none_again(tmp_path: Path) -> None:
    with endpoint(tmp_path) as ecs:
        runs, client = one_task(ecs), ecs.client("ecs")
        client.register_task_definition(**FARGATE)
        client.create_service(
            cluster="shop",
            serviceName="web",
            taskDefinition="web",
            desiredCount=0,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
        )
        asked: list[int] = []

        def count(params: dict[str, Any], **_: object) -> None:
            asked.append(len(params["tasks"]))

        client.meta.events.register("provide-client-params.ecs.DescribeTasks", count)
        tasks = StoppedTasks()
        assert tasks.of(client, "shop", "web") == []
        ids = stopped_tasks(ecs, runs, 10, 230, group="service:web")
        for _ in range(2):
            found = tasks.of(client, "shop", "web")
            assert {last_part(task["taskArn"]) for task in found} == ids
        assert asked == [100, 100, 30]
        ids |= stopped_tasks(ecs, runs, 500, 1, group="service:web")
        found = tasks.of(client, "shop", "web")
        assert {last_part(task["taskArn"]) for task in found} == ids
        assert asked[3:] == [1]
