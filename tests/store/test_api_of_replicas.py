"""boto3 at two replicas, and while PostgreSQL is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tealmesh.model.arn import DEFAULT_REGION
from tealmesh.store import commits
from tests.support.planes.appmesh import appmesh_replica
from tests.support.programs.postgres import Server, running
from tests.support.sdk import KEY, SECRET, client


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as made:
        yield made


def patient(url: str) -> Any:
    """A client as users have it: boto3 repeats what may work later."""
    return boto3.client(
        "appmesh",
        endpoint_url=url,
        region_name=DEFAULT_REGION,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(retries={"mode": "standard", "total_max_attempts": 30}, read_timeout=100),
    )


def test_what_one_replica_answered_the_next_one_knows(postgres: str) -> None:
    with appmesh_replica(postgres) as first, appmesh_replica(postgres) as second:
        one, two = client(first, "appmesh"), client(second, "appmesh")
        for number in range(10):
            name = f"mesh-{number}"
            one.create_mesh(meshName=name)
            assert two.describe_mesh(meshName=name)["mesh"]["metadata"]["version"] == 1
            two.create_virtual_router(meshName=name, virtualRouterName="web", spec={})
            names = one.list_virtual_routers(meshName=name)["virtualRouters"]
            assert [router["virtualRouterName"] for router in names] == ["web"]
            one.delete_virtual_router(meshName=name, virtualRouterName="web")
            two.delete_mesh(meshName=name)


def test_while_the_database_is_away_the_api_says_so_and_shows_what_is_known(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "PATIENCE_SECONDS", 0.3)
    with appmesh_replica(server.url) as url:
        api = client(url, "appmesh")
        api.create_mesh(meshName="shop")
        server.stop()
        with pytest.raises(ClientError) as refused:
            api.create_mesh(meshName="other")
        answer: Any = refused.value.response
        assert answer["Error"]["Code"] == "ServiceUnavailableException"
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert "is away" in answer["Error"]["Message"]
        assert [mesh["meshName"] for mesh in api.list_meshes()["meshes"]] == ["shop"]
        # Whoever repeats what was refused, as all SDKs do, does not see the outage.
        creating = threading.Thread(target=patient(url).create_mesh, kwargs={"meshName": "other"})
        creating.start()
        server.start()
        creating.join(60)
        assert [mesh["meshName"] for mesh in api.list_meshes()["meshes"]] == ["other", "shop"]
