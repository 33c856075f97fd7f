"""AWS, played by a `teal up` whose tasks are containers."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest

from tealmesh.engine.runtimes.docker.api import DockerApi
from tealmesh.engine.runtimes.docker.instance import INSTANCE_LABEL, Instance
from tealmesh.engine.runtimes.process.addresses import load_balancer_pair
from tealmesh.model.arn import DEFAULT_REGION
from tests.support import sdk
from tests.support.certificates import Authority
from tests.support.machine import BIN, REPOSITORY, free_port
from tests.support.planes.control_plane import ControlPlane
from tests.support.programs.images import control_plane_image
from tests.support.programs.podman import Podman, podman
from tests.support.programs.postgres import Server, plain
from tests.support.programs.terraform import Terraform, provider_running

PLANE_IMAGE = "localhost/rehearsal/teal:1"
NAME = "teal.control.local"
"""Of the control plane in Cloud Map, as examples/control-plane makes it."""


class Cloud:
    """One machine as AWS: a `teal up`, its container engine, a PostgreSQL, and Terraform's
    provider. ``authority`` has signed the certificates of STS and of the control plane.
    """

    def __init__(
        self, directory: Path, engine: Podman, provider: str, authority: Authority
    ) -> None:
        self.directory = directory
        self.engine = engine
        self.provider = provider
        self.authority = authority
        (directory / "aws").mkdir()
        self.plane = ControlPlane(directory / "aws")
        self.gateway = self._make_network()
        self.sts_port = free_port()
        own = self.authority.issue("sts", self.gateway, "127.0.0.1")
        self.plane.options = [
            "--runtime", "container", "--listen", f"0.0.0.0:{self.sts_port}",
            "--tls-cert", str(own.chain_file), "--tls-key", str(own.key_file),
        ]  # fmt: skip
        # Who runs it cannot look into root's directories.
        self._home = tempfile.mkdtemp(prefix="tealmesh-postgres-")
        self.database = Server(Path(self._home), {"listen_addresses": "*"})
        self.keys = directory / "keys"

    @property
    def sts(self) -> str:
        """STS by TLS, as tasks reach it."""
        return f"https://{self.gateway}:{self.sts_port}"

    def make_image(self) -> None:
        """That of the control plane, as users build it."""
        control_plane_image(self.engine, self.directory, PLANE_IMAGE)

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
        # A load balancer on this machine has one of these addresses, the first of its network.
        local = [load_balancer_pair(octet, 0).address for octet in range(256)]
        own = self.authority.issue("tls", NAME, *local)
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
        return Terraform(directory, variables, self.provider, seconds=600).init()

    def control_plane(self) -> Terraform:
        """Apply examples/control-plane."""
        control = self.terraform(
            "control-plane",
            image=PLANE_IMAGE,
            secrets_arn=self.make_secret(),
            database_url=self.database_url,
            deletion_protection=False,
            environment={
                "TEAL_SERVE_STS_ENDPOINT": self.sts,
                "AWS_CA_BUNDLE": "/keys/teal/authority.pem",
            },
        )
        control.apply()
        return control

    def listener(self, load_balancer: str, port: int) -> str:
        """HOST:PORT of a listener on this machine."""
        shown = json.loads(self.plane.teal("status", "--json").stdout)["loadBalancers"]
        balancer = next(one for one in shown if one["name"] == load_balancer)
        local = next(one["localPort"] for one in balancer["listeners"] if one["port"] == port)
        return f"{balancer['address']}:{local}"

    @property
    def endpoint(self) -> str:
        """The API of the control plane inside, by its load balancer."""
        return f"https://{self.listener('teal', 8443)}"

    def callers_environment(self) -> dict[str, str]:
        """Of somebody who has the owner's keys of the control plane inside."""
        (owner, *_) = json.loads((self.keys / "callers.json").read_text())["callers"]
        endpoint = self.endpoint
        return {
            **sdk.environment(endpoint),
            "TEAL_ENDPOINT": endpoint,
            "TEAL_CA_BUNDLE": str(self.authority.file),
            "AWS_ACCESS_KEY_ID": owner["keyId"],
            "AWS_SECRET_ACCESS_KEY": owner["secret"],
        }

    def client(self, service: str) -> Any:
        """A boto3 client of the control plane inside, with its owner's keys."""
        given = self.callers_environment()
        return boto3.client(
            service,
            region_name=DEFAULT_REGION,
            endpoint_url=given["TEAL_ENDPOINT"],
            verify=given["TEAL_CA_BUNDLE"],
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        )

    def replicas(self) -> list[str]:
        """The ids of the control plane's tasks."""
        arns = self.plane.client("ecs").list_tasks(cluster="control", serviceName="teal")[
            "taskArns"
        ]
        return sorted(arn.rpartition("/")[2] for arn in arns)

    def kill_replica(self) -> str:
        """Kill the process of one; return its task's id."""
        killed = self.replicas()[0]
        names = self.engine.run("ps", "--format", "{{.Names}}").split()
        name = next(one for one in names if one.endswith(f"-{killed}-teal"))
        self.engine.run("kill", "--signal", "KILL", name)
        return killed

    def nothing_is_left(self) -> None:
        """Of tasks, containers, meshes, load balancers, roles."""
        assert self.plane.client("ecs").list_clusters()["clusterArns"] == []
        assert self.plane.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
        assert self.plane.client("iam").list_roles()["Roles"] == []
        assert self.plane.client("servicediscovery").list_namespaces()["Namespaces"] == []
        with psycopg.connect(plain(self.database.url)) as connection:
            (meshes,) = connection.execute(
                "SELECT count(*) FROM documents WHERE collection = 'appmesh.mesh'"
            ).fetchone() or (None,)
        assert meshes == 0


@contextmanager
def played(directory: Path) -> Iterator[Cloud]:
    """Start all of it; end it, with everything that was made in it, in the end."""
    with ExitStack() as stack:
        (directory / "podman").mkdir()
        engine = stack.enter_context(podman(directory / "podman"))
        authority = Authority.make(directory, "authority")
        # The provider, a program in Go, trusts whom this file names.
        stack.enter_context(pytest.MonkeyPatch.context()).setenv(
            "SSL_CERT_FILE", str(authority.file)
        )
        provider = stack.enter_context(provider_running())
        cloud = Cloud(directory, engine, provider, authority)
        stack.callback(cloud.database.stop)
        stack.callback(cloud.plane.down)
        yield cloud
