"""AWS, played by a `teal up` whose tasks are containers, and what a user brings to it."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tealmesh.engine.runtimes.docker.api import DockerApi
from tealmesh.engine.runtimes.docker.instance import INSTANCE_LABEL, Instance
from tests.support import sdk
from tests.support.certificates import Authority
from tests.support.machine import BIN, REPOSITORY, free_port
from tests.support.planes.control_plane import ControlPlane
from tests.support.programs.podman import Podman, podman
from tests.support.programs.postgres import Server, plain
from tests.support.programs.terraform import Terraform, provider_running

EXAMPLES = REPOSITORY / "terraform" / "examples"
PLANE_IMAGE = "localhost/rehearsal/teal:1"
ENVOY_IMAGE = "localhost/rehearsal/tealmesh-envoy:1"
APP_IMAGE = "localhost/rehearsal/web"
NAME = "teal.control.local"
"""Of the control plane in Cloud Map, as examples/control-plane makes it."""


class Cloud:
    """One machine as AWS: a `teal up`, its container engine, a PostgreSQL, and Terraform's
    provider. ``authority`` has signed the certificates of STS and of the control plane.
    """

    def __init__(self, directory: Path, engine: Podman, provider: str) -> None:
        self.directory = directory
        self.engine = engine
        self.provider = provider
        self.authority = Authority.make(directory, "authority")
        (directory / "aws").mkdir()
        self.plane = ControlPlane(directory / "aws")
        self.gateway = self._make_network()
        self.sts_port = free_port()
        own = self.authority.issue("sts", self.gateway, "127.0.0.1")
        self.plane.options = [
            "--runtime", "container", "--listen", f"0.0.0.0:{self.sts_port}",
            "--tls-cert", str(own.chain_file), "--tls-key", str(own.key_file),
        ]  # fmt: skip
        database = directory / "postgres"
        database.mkdir()
        self.database = Server(database, {"listen_addresses": "*"})
        self.keys = directory / "keys"

    @property
    def sts(self) -> str:
        """STS by TLS, as tasks reach it."""
        return f"https://{self.gateway}:{self.sts_port}"

    def start(self) -> None:
        self.plane.start(DOCKER_HOST=self.engine.url)

    def _make_network(self) -> str:
        """The network of the tasks, made before the engine does, so that its address is known: of
        AWS one knows the names of endpoints. Returns this machine's address in it.
        """
        instance = Instance.of(self.directory / "aws" / "data")

        async def make() -> None:
            api = DockerApi(self.engine.socket)
            labels = {INSTANCE_LABEL: instance.id}
            await api.create_network(instance.network, instance.interface, labels)
            await api.close()

        asyncio.run(make())
        (network,) = json.loads(self.engine.run("network", "inspect", instance.network))
        return str(network["subnets"][0]["gateway"])

    def start_database(self) -> None:
        self.database.initialise()
        with (self.database.data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.0.0.0/8 trust\n")
        self.database.start()

    @property
    def database_url(self) -> str:
        local = plain(self.database.url)
        return local.replace("127.0.0.1", self.gateway)

    def make_secret(self) -> str:
        """What `teal keys bundle` prints, as a secret; returns its ARN."""
        own = self.authority.issue("tls", NAME, "127.0.0.1", "localhost")
        files = [own.chain_file, own.key_file, self.authority.file]
        beside = [argument for file in files for argument in ("--with", str(file))]
        text = subprocess.run(
            [str(BIN / "teal"), "keys", "bundle", "--data-dir", str(self.keys), *beside],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        secrets = self.plane.client("secretsmanager")
        return str(secrets.create_secret(Name="teal", SecretString=text)["ARN"])

    def terraform(self, example: str, **variables: Any) -> Terraform:
        """An example in a directory of its own, at this cloud's endpoints."""
        root = self.directory / "terraform"
        if not root.exists():
            left_out = shutil.ignore_patterns(".terraform*")
            shutil.copytree(REPOSITORY / "terraform", root, ignore=left_out)
        directory = root / "examples" / example
        override = self.plane.teal("env", "--terraform", "3").stdout
        (directory / "teal_override.tf").write_text(override)
        return Terraform(directory, variables, self.provider).init()

    def api(self, load_balancer: str, port: int = 8443) -> str:
        """URL of a listener of a network load balancer, on this machine."""
        status = json.loads(self.plane.teal("status", "--json").stdout)
        return status

    def running(self, cluster: str, service: str) -> list[str]:
        """The ids of the tasks of an ECS service that run."""
        ecs = self.plane.client("ecs")
        arns = ecs.list_tasks(cluster=cluster, serviceName=service)["taskArns"]
        return [arn.rpartition("/")[2] for arn in arns]


@contextmanager
def played(directory: Path) -> Iterator[Cloud]:
    """Start all of it; end it, with everything that was made in it, in the end."""
    with ExitStack() as stack:
        (directory / "podman").mkdir()
        engine = stack.enter_context(podman(directory / "podman"))
        provider = stack.enter_context(provider_running())
        cloud = Cloud(directory, engine, provider)
        stack.callback(cloud.database.stop)
        stack.callback(cloud.plane.down)
        yield cloud


def environment(cloud: Cloud, endpoint: str) -> dict[str, str]:
    """Of somebody who has the owner's keys of the control plane inside."""
    (owner, *_) = json.loads((cloud.keys / "callers.json").read_text())["callers"]
    return {
        **sdk.environment(endpoint),
        "TEAL_ENDPOINT": endpoint,
        "TEAL_CA_BUNDLE": str(cloud.authority.file),
        "AWS_ACCESS_KEY_ID": owner["keyId"],
        "AWS_SECRET_ACCESS_KEY": owner["secret"],
    }
