"""AWS, played by a `teal up` whose tasks are containers."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tealmesh.engine.runtimes.docker.api import DockerApi
from tealmesh.engine.runtimes.docker.instance import INSTANCE_LABEL, Instance
from tealmesh.engine.runtimes.sidecar import find_envoy
from tests.support.certificates import Authority
from tests.support.machine import REPOSITORY, free_port
from tests.support.planes.control_plane import ControlPlane
from tests.support.programs.images import based, built, sample_image
from tests.support.programs.podman import Podman, podman
from tests.support.programs.postgres import Server, plain
from tests.support.programs.terraform import Terraform, provider_running
from tests.support.waiting import until

PLANE_IMAGE = "localhost/rehearsal/teal:1"
ENVOY_IMAGE = "localhost/rehearsal/tealmesh-envoy:1"
SAMPLE_IMAGE = "localhost/rehearsal/sample:0.0.{}"
_BASE = "base:test"


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
        home = Path(tempfile.mkdtemp(prefix="tealmesh-postgres-"))
        self.database = Server(home, {"listen_addresses": "*"})

    @property
    def sts(self) -> str:
        """STS by TLS, as tasks reach it."""
        return f"https://{self.gateway}:{self.sts_port}"

    def make_images(self) -> None:
        """Those of the control plane, of Envoy and of the application, as users build them."""
        based(self.engine, self.directory, _BASE, envoy=Path(find_envoy()))
        built(self.engine, "control-plane", _BASE, PLANE_IMAGE)
        built(self.engine, "envoy", _BASE, ENVOY_IMAGE)
        for version in (1, 2):
            name = SAMPLE_IMAGE.format(version)
            sample_image(self.engine, self.directory, _BASE, name, version)

    def start(self) -> None:
        self.plane.start(DOCKER_HOST=self.engine.url)

    def crash(self) -> None:
        """Kill the control plane of the cloud, start it again, and wait until it knows its tasks
        again, in the same containers.
        """
        before = self.tasks(), self.containers()
        self.plane.kill9()
        self.start()
        until(
            lambda: (self.tasks(), self.containers()) == before,
            lambda: f"{before}\n{self.tasks()}\n{self.containers()}\n{self.plane.log()}",
        )

    def tasks(self) -> dict[str, str]:
        """The state of each task, by its id."""
        ecs = self.plane.client("ecs")
        found = {}
        for cluster in ecs.list_clusters()["clusterArns"]:
            arns = ecs.list_tasks(cluster=cluster)["taskArns"]
            shown = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
            found |= {one["taskArn"].rpartition("/")[2]: one["lastStatus"] for one in shown}
        return found

    def containers(self) -> dict[str, str]:
        """The names of the containers that run, by their ids."""
        shown = self.engine.run("ps", "--format", "{{.ID}} {{.Names}}").splitlines()
        return dict(line.split(maxsplit=1) for line in shown)

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
        self.database.trust("10.0.0.0/8")
        self.database.start()

    @property
    def database_url(self) -> str:
        """As tasks reach it."""
        return plain(self.database.url_at(self.gateway))

    def terraform(
        self, example: str, *, further: str = "", shared: bool = True, **variables: Any
    ) -> Terraform:
        """An example in a directory of its own, at this cloud's endpoints. ``further``: of its
        override file. ``shared``: by the provider that runs, of which Terraform can have one
        configuration alone.
        """
        root = self.directory / "terraform"
        if not root.exists():
            left_out = shutil.ignore_patterns(".terraform*")
            shutil.copytree(REPOSITORY / "terraform", root, ignore=left_out)
        directory = root / "examples" / example
        override = self.plane.teal("env", "--terraform", "3").stdout
        (directory / "teal_override.tf").write_text(override + further)
        provider = self.provider if shared else ""
        return Terraform(directory, variables, provider, seconds=600).init()

    def listener(self, load_balancer: str, port: int) -> str:
        """HOST:PORT of a listener on this machine."""
        shown = json.loads(self.plane.teal("status", "--json").stdout)["loadBalancers"]
        balancer = next(one for one in shown if one["name"] == load_balancer)
        local = next(one["localPort"] for one in balancer["listeners"] if one["port"] == port)
        return f"{balancer['address']}:{local}"

    def left(self) -> dict[str, list[str]]:
        """What there is of each kind that Terraform has made; nothing after it has destroyed it."""
        ec2, ecs, elb = map(self.plane.client, ("ec2", "ecs", "elbv2"))
        iam, logs, found = map(self.plane.client, ("iam", "logs", "servicediscovery"))
        every = {
            "clusters": ecs.list_clusters()["clusterArns"],
            "task definitions": ecs.list_task_definitions()["taskDefinitionArns"],
            "load balancers": elb.describe_load_balancers()["LoadBalancers"],
            "target groups": elb.describe_target_groups()["TargetGroups"],
            "roles": iam.list_roles()["Roles"],
            "log groups": logs.describe_log_groups()["logGroups"],
            "namespaces": found.list_namespaces()["Namespaces"],
            "networks": [one for one in ec2.describe_vpcs()["Vpcs"] if not one["IsDefault"]],
            "containers": list(self.containers().values()),
        }
        return {kind: [str(one) for one in some] for kind, some in every.items() if some}


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
        stack.callback(shutil.rmtree, cloud.database.directory, ignore_errors=True)
        stack.callback(cloud.database.stop)
        stack.callback(cloud.plane.down)
        yield cloud
