"""From a container definition to what Docker is asked to create.

The task has a network namespace of its own: its localhost is 127.0.0.1, its traffic is redirected
through Envoy without the application noticing, and our HTTP port is at 169.254.170.2.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import tealmesh
from tealmesh.engine.runtimes.base import Launch, TaskSpec
from tealmesh.engine.runtimes.containers import Role, has_agent
from tealmesh.engine.runtimes.docker.definition import (
    ENVOY,
    ContainerSpec,
    ImageSpec,
    limits,
    mounts,
)
from tealmesh.engine.runtimes.docker.images import ENVOY_IMAGE, PAUSE_IMAGE
from tealmesh.engine.runtimes.docker.network.names import HOSTS
from tealmesh.engine.runtimes.docker.network.resolver import RESOLV
from tealmesh.engine.runtimes.docker.network.rules import (
    METADATA_ADDRESS,
    guard_text,
    redirection,
    restore_text,
)
from tealmesh.engine.runtimes.launch import (
    ControlPlane,
    EnvoyNetwork,
    aws_environment,
    write_envoy_bootstrap,
)
from tealmesh.engine.runtimes.sidecar import (
    ADMIN_SOCKET,
    arguments,
    asked_port,
    bootstrap_path,
    control_plane_elsewhere,
    private,
    token_path,
)
from tealmesh.engine.runtimes.task_urls import credentials_path
from tealmesh.envoy.bootstrap.version import Version
from tealmesh.model.errors import EngineError

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import ContainerDefinition

XDS_SOCKET = "xds.sock"
_XDS_INSIDE = "/run/tealmesh"
_PRIVATE_INSIDE = Path("/run/tealmesh-envoy")
_BOOTSTRAP_INSIDE = Path("/etc/tealmesh-bootstrap.json")
_AGENT_SOCKET = "agent.sock"
_ENVOY_USER = "1337"
"""The user of the App Mesh image, and what most task definitions have as ``IgnoredUID``."""


def rules_text(task: TaskSpec, gateway: str) -> str:
    """The packet filter rules of a task's namespace; ``gateway`` is our address in there."""
    wanted = redirection(task.definition)
    guard = guard_text(asked_port(task.envoy.environment if task.envoy else {}), gateway)
    return guard + (restore_text(wanted) if wanted is not None else "")


def prepare_envoy(plane: ControlPlane, launch: Launch, version: Version | None) -> None:
    """Write the bootstrap of an Envoy of this version, readable by the user that it runs as."""
    _xds_socket(plane)
    redirected = redirection(launch.task.definition) is not None
    network = EnvoyNetwork(
        xds_address=(f"{_XDS_INSIDE}/{XDS_SOCKET}", 0),
        token_file=str(_PRIVATE_INSIDE / token_path(launch.task.directory).name),
        admin_socket=str(_PRIVATE_INSIDE / ADMIN_SOCKET),
        admin_address="0.0.0.0",
        address="" if redirected else launch.network.address,
        agent_socket=str(_PRIVATE_INSIDE / _AGENT_SOCKET) if _brings_agent(launch) else "",
        version=version,
    )
    path = write_envoy_bootstrap(plane, launch, network, _no_file)
    directory = launch.task.directory
    own = (path, token_path(directory))
    user = _envoy_user(launch).partition(":")[0]
    if user.isdecimal():
        # For Envoy's user and root alone.
        for one in (*own, private(directory)):
            os.chown(one, int(user), -1)
    else:
        # A user name that only the image knows. The task's directory keeps others out.
        private(directory).chmod(0o777)
        for one in own:
            one.chmod(0o644)


def container_spec(plane: ControlPlane, launch: Launch) -> ContainerSpec:
    """What to create for the container. Raises EngineError for what cannot be provided here."""
    container = launch.container
    endpoint = f"http://{METADATA_ADDRESS}"
    variables = aws_environment(plane, launch, endpoint)
    if launch.task.role:
        path = credentials_path(plane.keys.credentials[0], launch.task.id)
        variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = path
    if container.role is Role.ENVOY and _brings_agent(launch):
        variables |= _for_agent(launch)
    return ContainerSpec(
        directory=launch.task.directory,
        name=container.name,
        image=_image(plane, launch),
        command=container.arguments,
        environment={**variables, **container.environment, **launch.secrets},
        cwd=container.working_directory,
        ulimits=container.ulimits,
    )


def _image(plane: ControlPlane, launch: Launch) -> ImageSpec:
    container, directory = launch.container, launch.task.directory
    body = _definition_of(launch)
    image = ImageSpec(
        container.image,
        entry_point=container.entry_point,
        user=body.get("user") or "",
        host_config=limits(body, launch.task.definition),
        mounts=(
            (str(directory / HOSTS), "/etc/hosts", True),
            (str(directory / RESOLV), "/etc/resolv.conf", True),
            *mounts(launch.task.definition, body, directory, plane.host_paths),
        ),
    )
    match container.role:
        case Role.ENVOY:
            return _envoy_image(plane, launch, image)
        case Role.XRAY:
            return replace(image, instead=_own(image, "tealmesh.engine.runtimes.xray"))
        case Role.DRAIN:
            return replace(image, instead=_own(image, "tealmesh.agent"))
        case _:
            return image


def _envoy_image(plane: ControlPlane, launch: Launch, image: ImageSpec) -> ImageSpec:
    """Run Envoy itself. The App Mesh agent is left out: our bootstrap does what it makes of the
    environment. An image with our own agent is run as it is.
    """
    container = launch.container
    bootstrap = bootstrap_path(launch.task.directory, container.name)
    envoy = replace(
        image,
        entry_point=(ENVOY,),
        arguments=arguments(ENVOY, _BOOTSTRAP_INSIDE, container.environment)[1:],
        user=_envoy_user(launch),
        mounts=(
            *image.mounts,
            (str(bootstrap), str(_BOOTSTRAP_INSIDE), True),
            (str(private(launch.task.directory)), str(_PRIVATE_INSIDE), False),
            (str(_xds_socket(plane).parent), _XDS_INSIDE, True),
        ),
    )
    own = replace(envoy, image=ENVOY_IMAGE)
    if _brings_agent(launch):
        envoy = replace(envoy, entry_point=container.entry_point, arguments=())
    return replace(envoy, instead=own)


def _brings_agent(launch: Launch) -> bool:
    return has_agent(launch.container.image)


def _for_agent(launch: Launch) -> dict[str, str]:
    """Where Envoy's agent has its files, so that we reach Envoy; and our bootstrap, if it is we who
    configure it. Otherwise the agent makes its own, and proves the role of the task.
    """
    variables = {"TEAL_ENVOY_DIRECTORY": str(_PRIVATE_INSIDE)}
    if control_plane_elsewhere(launch.container.environment) is None:
        variables["ENVOY_CONFIG_FILE"] = str(_BOOTSTRAP_INSIDE)
    elif redirection(launch.task.definition) is None:
        variables["TEAL_ENVOY_ADDRESS"] = launch.network.address
    return variables


def _envoy_user(launch: Launch) -> str:
    """The user that Envoy runs as: the one whose packets are not redirected, or they would come
    back to it.
    """
    wanted = redirection(launch.task.definition)
    user = _definition_of(launch).get("user") or ""
    return user or (wanted.ignored_uid if wanted else "") or _ENVOY_USER


def _definition_of(launch: Launch) -> ContainerDefinition:
    definitions = launch.task.definition["containerDefinitions"]
    return next(d for d in definitions if d["name"] == launch.container.name)


def _xds_socket(plane: ControlPlane) -> Path:
    if plane.xds_socket is None:
        raise EngineError("Envoys in containers need the control plane's Unix socket")
    return plane.xds_socket


def _no_file(path: str) -> str:
    raise FileNotFoundError(f"no file can be read here: {path}")


def _own(image: ImageSpec, module: str) -> ImageSpec:
    """A program of ours, such as the built-in X-Ray daemon, run by our own Python from this
    machine's directories.
    """
    source = Path(tealmesh.__file__).parents[1]
    directories = ["/usr", "/lib", "/lib64", sys.base_prefix, sys.prefix, str(source)]
    return replace(
        image,
        image=PAUSE_IMAGE,
        entry_point=(sys.executable, "-m", module),
        arguments=(),
        user="0",
        mounts=(
            *image.mounts,
            *((d, d, True) for d in dict.fromkeys(directories) if Path(d).is_dir()),
        ),
    )
