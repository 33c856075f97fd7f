"""Every command of docs/aws.md, in its order, against our own cloud: a `teal up` is AWS, a `teal
serve` on PostgreSQL the control plane, and an ECS service of two tasks stands for its replicas.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.scripts import REPOSITORY
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import IMAGES
from tests.support.planes.serving import ServePlane, serve_plane
from tests.support.programs.postgres import plain, running

PAGE = (REPOSITORY / "docs" / "aws.md").read_text()
SECTIONS = ("Secrets", "Is it well", "Backups", "Upgrades", "Removal")


def commands() -> dict[str, str]:
    """The commands of each section, by its heading."""
    found: dict[str, str] = {}
    heading, inside = "", False
    for line in PAGE.splitlines():
        if line.startswith("## "):
            heading = line[3:]
        elif line.startswith("```"):
            inside = line == "```sh"
        elif inside:
            found[heading] = f"{found.get(heading, '')}{line}\n"
    return found


def test_commands_are_where_they_are_looked_for() -> None:
    assert tuple(commands()) == SECTIONS
    assert "\n    teal" not in PAGE, "a command outside of a block would not be run"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[ControlPlane]:
    config = tmp_path / "teal.toml"
    image = IMAGES["example/sample:0.0.1"]
    config.write_text(f'[images]\n"example/sample:0.0.1" = {json.dumps(image)}\n')
    with control_plane(tmp_path, config) as running:
        yield running


@pytest.mark.drill
@pytest.mark.timeout(600)
def test_every_command_works(tmp_path: Path, cloud: ControlPlane) -> None:
    stand_in(cloud)
    # `teal database check` names settings by which commits are lost, as those of other tests.
    with (
        running({"fsync": "on", "full_page_writes": "on"}) as server,
        serve_plane(tmp_path / "serve", cloud, server.url) as plane,
    ):
        appmesh = plane.client("appmesh")
        appmesh.create_mesh(meshName="shop")
        for heading, script in commands().items():
            run(plane, tmp_path, heading, script)
        assert [one["meshName"] for one in appmesh.list_meshes()["meshes"]] == ["shop"]
    (service,) = described(cloud)["services"]
    assert service["desiredCount"] == 0
    assert (tmp_path / "mesh-terraform" / "main.tf").read_text().startswith("resource")
    assert (tmp_path / "mesh-json" / "create.sh").exists()
    assert json.loads((tmp_path / "teal-keys.json").read_text())
    assert (tmp_path / "teal-keys.json").stat().st_mode & 0o077 == 0
    (secret,) = cloud.client("secretsmanager").list_secrets(IncludePlannedDeletion=True)[
        "SecretList"
    ]
    assert "DeletedDate" in secret


def stand_in(cloud: ControlPlane) -> None:
    """What the module control-plane makes, as far as the page names it."""
    ecs = cloud.client("ecs")
    ecs.create_cluster(clusterName="control")
    ecs.register_task_definition(
        family="teal",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "teal", "image": "example/sample:0.0.1"}],
    )
    ecs.create_service(
        cluster="control",
        serviceName="teal",
        taskDefinition="teal",
        desiredCount=2,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    )


def described(cloud: ControlPlane) -> Any:
    return cloud.client("ecs").describe_services(cluster="control", services=["teal"])


def run(plane: ServePlane, directory: Path, heading: str, script: str) -> None:
    """Run a section's commands, as somebody does who has just read them."""
    keys = directory / "keys"
    if not keys.exists():
        shutil.copytree(plane.keys, keys)
        for name in ("tls.crt", "tls.key"):
            (directory / name).write_text("PEM\n")
    programs = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-c", f"set -euo pipefail\n{script}"],
        cwd=directory,
        env={
            **plane.environment,
            "AWS_ENDPOINT_URL": plane.cloud.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "TEAL_DATABASE": plain(plane.database),
            "PATH": f"{programs}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{heading}\n{script}\n{done.stdout}\n{done.stderr}"
