"""Clusters are read by boto3 from an ECS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tealmesh.workloads.clusters import Clusters
from tests.support.planes.ecs import FARGATE, NETWORK, Endpoint, endpoint


@pytest.fixture
def ecs(tmp_path: Path) -> Iterator[Endpoint]:
    with endpoint(tmp_path) as running:
        yield running


def test_a_cluster_is_empty_until_it_is_made(ecs: Endpoint) -> None:
    client = ecs.client("ecs")
    clusters = Clusters(lambda: client, lambda: ecs.client("servicediscovery"))
    assert clusters.read("shop").empty
    client.create_cluster(clusterName="shop")
    assert clusters.read("shop").empty
    client.register_task_definition(**FARGATE)
    client.create_service(
        cluster="shop",
        serviceName="web",
        taskDefinition="web",
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
    )
    assert list(clusters.read("shop").services) == ["web"]
    assert clusters.read("another").empty
