"""From a container definition to what is really started on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tealmesh.engine.context import EngineContext
from tealmesh.engine.runtimes.base import ContainerSpec, TaskNetwork
from tealmesh.engine.runtimes.containers import Command, Container, Role, command_for
from tealmesh.engine.runtimes.process.addresses import check_published
from tealmesh.engine.runtimes.sidecar import (
    ADMIN_PORT,
    EGRESS_PORT,
    arguments,
    find_envoy,
    resource_of,
    write_bootstrap,
)
from tealmesh.engine.runtimes.task_urls import authorization, credentials_uri, metadata_uri
from tealmesh.envoy.bootstrap.bootstrap import bootstrap
from tealmesh.model.arn import last_part
from tealmesh.model.errors import EngineError, TealError
from tealmesh.model.mesh import Kind

_INHERITED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
"""What a container sees of the environment of `teal up`; an operator's secrets are not in it."""

_NOTHING: Mapping[str, str] = MappingProxyType({})

_NOT_PROXIED = "localhost,127.0.0.1,::1,169.254.170.2,169.254.169.254"

XRAY_PORT = 2000


@dataclass(frozen=True)
class Launch:
    """How the containers of one task are started. ``published`` are the ports of the gateway
    that the task's Envoy stands for; ``role``: the ARN of the task's role.
    """

    ports: EngineContext
    task_arn: str
    directory: Path
    containers: Sequence[Container]
    network: TaskNetwork
    images: Sequence[Mapping[str, Any]]
    published: Sequence[int] = ()
    role: str = ""

    @property
    def envoy(self) -> Container | None:
        return next((c for c in self.containers if c.role is Role.ENVOY), None)

    def spec(self, container: Container, secrets: Mapping[str, str] = _NOTHING) -> ContainerSpec:
        """What to start for this container, ``secrets`` being the values of its secrets. Raises
        EngineError when its image is unknown.
        """
        command = self._command(container)
        return ContainerSpec(
            directory=self.directory,
            name=container.name,
            command=command.argv,
            environment={**self.environment(container, command.environment), **secrets},
            cwd=command.cwd,
            ulimits=container.ulimits,
            localhost=self._localhost(),
        )

    def prepare(self, container: Container) -> None:
        """Write what the container reads when it starts, and check what it will need."""
        if container.role is not Role.ENVOY:
            return
        published = container.environment.get("TEAL_PUBLISH_ADDRESS", "")
        if published:
            check_published(published, self.published)
        # The admin interface is ours here: each task has an address, so no port need be chosen.
        variables = {
            name: value
            for name, value in container.environment.items()
            if name != "ENVOY_ADMIN_ACCESS_PORT"
        }
        host, _, port = self.ports.xds_address.rpartition(":")
        try:
            made = bootstrap(
                variables,
                xds_address=(host, int(port)),
                token=self.ports.xds_token,
                task=self.task_arn,
                address=self.network.address,
                app_address=self.network.app_address,
                publish_address=published,
                admin_address=self.network.address,
                read=lambda path: Path(path).read_text(encoding="utf-8"),
            )
        except TealError as error:
            raise EngineError(f"container {container.name}: {error}") from error
        write_bootstrap(self.directory, container.name, made)

    def environment(self, container: Container, image: Mapping[str, str]) -> dict[str, str]:
        """The container's whole environment; what its definition says wins."""
        found = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        found |= {
            "HOST": self._host(container),
            "AWS_REGION": self.ports.region,
            "AWS_DEFAULT_REGION": self.ports.region,
            "AWS_ENDPOINT_URL": self.ports.endpoint,
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
            # Or DiscoverInstances would go to the host data-127.0.0.1.
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            # A container has no home in which its user's own credentials lie.
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_CONFIG_FILE": os.devnull,
            **self._identity(container),
        }
        if container.ports:
            found["PORT"] = str(container.ports[0])
        if any(c.role is Role.XRAY for c in self.containers):
            found["AWS_XRAY_DAEMON_ADDRESS"] = f"{self.network.app_address}:{XRAY_PORT}"
        if container.role is Role.APPLICATION and self._behind_virtual_node():
            proxy = f"http://{self.network.address}:{EGRESS_PORT}"
            found |= {"HTTP_PROXY": proxy, "http_proxy": proxy}
            exempt = f"{_NOT_PROXIED},{self.network.app_address}"
            found |= {"NO_PROXY": exempt, "no_proxy": exempt}
        return {**found, **image, **container.environment}

    def _identity(self, container: Container) -> dict[str, str]:
        """Where the container may ask about itself, and for its role's credentials."""
        task_id = last_part(self.task_arn)
        index = [c.name for c in self.containers].index(container.name)
        uri = metadata_uri(self.ports.endpoint, task_id, index)
        found = {"ECS_CONTAINER_METADATA_URI_V4": uri}
        return found | (self._credentials(task_id) if self.role else {})

    def _credentials(self, task_id: str) -> dict[str, str]:
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": credentials_uri(self.ports.endpoint, task_id),
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": authorization(self.ports.xds_token, task_id),
        }

    def _behind_virtual_node(self) -> bool:
        resource = resource_of(self.envoy.environment) if self.envoy else None
        return resource is not None and resource["kind"] == Kind.VIRTUAL_NODE

    def _localhost(self) -> Mapping[str, str]:
        """Envoy's own ports are on the task's interface, all else where applications bind."""
        if self.envoy is None:
            return {"": self.network.address}
        own = {str(port): self.network.address for port in (ADMIN_PORT, EGRESS_PORT)}
        return {"": self.network.app_address, **own}

    def _host(self, container: Container) -> str:
        if self.envoy is None and container.role is Role.APPLICATION:
            return self.network.address
        return self.network.app_address

    def _command(self, container: Container) -> Command:
        match container.role:
            case Role.ENVOY:
                path = self.directory / f"{container.name}.bootstrap.json"
                envoy = self.ports.envoy or find_envoy()
                return Command(arguments(envoy, path, container.environment))
            case Role.XRAY:
                return Command((sys.executable, "-m", "tealmesh.engine.runtimes.xray"))
            case _:
                return command_for(container, self.images)
