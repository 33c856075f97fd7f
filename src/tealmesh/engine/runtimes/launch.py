"""What every runtime gives a container: variables for AWS clients, and Envoy's bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tealmesh.engine.runtimes.base import Launch
from tealmesh.engine.runtimes.sidecar import (
    control_plane_elsewhere,
    resource_of,
    write_bootstrap,
    write_token,
)
from tealmesh.engine.runtimes.task_urls import metadata_uri
from tealmesh.envoy.bootstrap.bootstrap import bootstrap
from tealmesh.envoy.bootstrap.environment import Read
from tealmesh.envoy.bootstrap.version import Version, exports, forgets, injects
from tealmesh.model.arn import DEFAULT_REGION
from tealmesh.model.errors import EngineError, TealError
from tealmesh.model.identity.envoys import Identity, Owner, token
from tealmesh.model.identity.keys import Keys

XRAY_PORT = 2000
"""UDP port of the X-Ray daemon."""


@dataclass(frozen=True)
class ControlPlane:
    """Where tasks find the control plane, and what they need to be admitted."""

    endpoint: str
    """URL of the AWS APIs, on this machine's loopback."""
    xds_address: str
    """HOST:PORT of the ADS server."""
    keys: Keys
    """What tasks and Envoys prove themselves by is signed with these."""
    xds_socket: Path | None = None
    """Unix socket of the ADS server, alone in its directory, for Envoys in network namespaces of
    their own.
    """
    dns_address: tuple[str, int] | None = None
    """The name server for Envoys that share our network; None for that of this machine."""
    region: str = DEFAULT_REGION
    host_paths: tuple[Path, ...] = ()
    """Directories of this machine that containers may mount parts of."""
    envoy: str | None = None
    """Path of the Envoy binary; None to look for one."""
    task_user: str = ""
    """Whom processes run as that nobody has said it of; empty for a user of the task's own."""
    traced: float = 0.0
    """Of which share of their requests Envoys tell us traces."""

    @property
    def http_address(self) -> tuple[str, int]:
        """Host and port of ``endpoint``."""
        parts = urlsplit(self.endpoint)
        return parts.hostname or "", parts.port or 80


@dataclass(frozen=True)
class EnvoyNetwork:
    """How an Envoy reaches us, and where it listens."""

    xds_address: tuple[str, int]
    token_file: str
    """Where it finds what `sidecar.write_token` wrote."""
    admin_socket: str
    """Where it has its admin interface, as it sees it."""
    admin_address: str
    """Where users ask it the harmless questions."""
    address: str
    agent_socket: str = ""
    """Where its agent reaches us through it, as it sees it; empty without an agent."""
    app_address: str = "127.0.0.1"
    publish_address: str = ""
    dns_address: tuple[str, int] | None = None
    version: Version | None = None
    """The Envoy's, if it is known."""


def aws_environment(plane: ControlPlane, launch: Launch, endpoint: str) -> dict[str, str]:
    """Variables that point a container's AWS clients at us; ``endpoint`` is the URL of our APIs as
    the task sees it.
    """
    index = [c.name for c in launch.task.containers].index(launch.container.name)
    return {
        "AWS_REGION": plane.region,
        "AWS_DEFAULT_REGION": plane.region,
        "AWS_ENDPOINT_URL": endpoint,
        # Otherwise DiscoverInstances would go to the host data-127.0.0.1 or data-169.254.170.2.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "ECS_CONTAINER_METADATA_URI_V4": metadata_uri(endpoint, launch.task.id, index),
    }


def write_envoy_bootstrap(
    plane: ControlPlane, launch: Launch, network: EnvoyNetwork, read: Read
) -> Path:
    """Write the bootstrap of the task's Envoy from its variables, and the token that proves whose
    it is; ``read`` reads the files that they name. Raises EngineError for a variable that cannot be
    used.
    """
    container = launch.container
    given = token(_identity(launch), plane.keys.envoys[0])
    write_token(launch.task.directory, given)
    by_file = injects(network.version)
    try:
        made = bootstrap(
            container.environment,
            xds_address=control_plane_elsewhere(container.environment) or network.xds_address,
            token_file=network.token_file if by_file else "",
            token="" if by_file else given,
            task=launch.task.arn,
            address=network.address,
            app_address=network.app_address,
            publish_address=network.publish_address,
            admin_address=network.admin_address,
            admin_socket=network.admin_socket,
            agent_socket=network.agent_socket,
            dns_address=network.dns_address,
            forgetting=forgets(network.version),
            traced=plane.traced if exports(network.version) else 0.0,
            read=read,
        )
    except TealError as error:
        raise EngineError(f"container {container.name}: {error}") from error
    return write_bootstrap(launch.task.directory, container.name, made)


def _identity(launch: Launch) -> Identity:
    """Whose Envoy it is, and all that it may be."""
    resource = resource_of(launch.container.environment)
    if resource is None:
        raise EngineError(f"container {launch.container.name} does not say for what it stands")
    name = f"mesh/{resource['mesh']}/{resource['kind']}/{resource['name']}"
    return Identity(Owner.TASK, launch.task.arn, name)
