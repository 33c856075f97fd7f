"""From a container definition to the program that is started for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tealmesh.engine.runtimes.base import Launch, TaskSpec
from tealmesh.engine.runtimes.containers import Command, Role, command_for
from tealmesh.engine.runtimes.launch import (
    XRAY_PORT,
    ControlPlane,
    EnvoyNetwork,
    aws_environment,
    write_envoy_bootstrap,
)
from tealmesh.engine.runtimes.process.addresses import (
    UNPRIVILEGED_DEFAULT,
    Gateway,
    check_published,
)
from tealmesh.engine.runtimes.process.processes import Program
from tealmesh.engine.runtimes.process.sight import NOTHING, Sight, sight
from tealmesh.engine.runtimes.process.users import RunAs, can_choose, of_envoy, own, run_as
from tealmesh.engine.runtimes.sidecar import (
    ADMIN_SOCKET,
    EGRESS_PORT,
    PRIVATE,
    arguments,
    asked_port,
    bootstrap_path,
    envoy_version,
    find_envoy,
    private,
    resource_of,
    token_path,
)
from tealmesh.engine.runtimes.task_urls import authorization, credentials_uri
from tealmesh.model.errors import EngineError
from tealmesh.model.mesh import Kind

INHERITED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
"""Variables of `teal up` that containers see; an operator's secrets are not among them."""

_PUBLISH = "TEAL_PUBLISH_ADDRESS"

_NOT_PROXIED = "localhost,127.0.0.1,::1,169.254.170.2,169.254.169.254"


def prepare(plane: ControlPlane, launch: Launch) -> None:
    """Write the files that the container reads when it starts. Raises EngineError if a port that
    it publishes is in use.
    """
    container, network = launch.container, launch.network
    if container.role is not Role.ENVOY:
        return
    published = container.environment.get(_PUBLISH, "")
    if published:
        check_published(published, launch.task.listener_ports, _gateway(launch))
    host, _, port = plane.xds_address.rpartition(":")
    addresses = EnvoyNetwork(
        xds_address=(host, int(port)),
        token_file=str(token_path(launch.task.directory).resolve()),
        # From its working directory, the task's: a socket's path may have 107 bytes.
        admin_socket=f"{PRIVATE}/{ADMIN_SOCKET}",
        admin_address=network.address,
        address=network.address,
        app_address=network.app_address,
        publish_address=published,
        dns_address=plane.dns_address,
        version=envoy_version(plane.envoy or find_envoy()),
    )
    write_envoy_bootstrap(plane, launch, addresses, lambda path: Path(path).read_text("utf-8"))
    user = _envoy_user(launch)
    if user is not None:
        os.chown(private(launch.task.directory), user.uid, user.gid)


def program(plane: ControlPlane, launch: Launch) -> Program:
    """What to start for the container. Raises EngineError if the image map lacks its image."""
    container = launch.container
    command = _command(plane, launch)
    try:
        user = _user(plane, launch, command)
        environment = {
            **_given(plane, launch),
            **({"HOME": user.home, "USER": user.name} if user else {}),
            **command.environment,
            **container.environment,
            **launch.secrets,
        }
        return Program(
            directory=launch.task.directory,
            name=container.name,
            command=command.argv,
            environment=environment,
            cwd=command.cwd,
            ulimits=container.ulimits,
            user=user,
            view=_view(user, command, environment) if user else NOTHING,
            low_ports=any(port < UNPRIVILEGED_DEFAULT for port in container.ports),
        )
    except EngineError as error:
        raise EngineError(f"container {container.name}: {error}") from error


def _user(plane: ControlPlane, launch: Launch, command: Command) -> RunAs | None:
    """Whom the container runs as; None for our own user, as the X-Ray daemon does and what has the
    task drained, which are our own programs. Who has nobody is nobody else.
    """
    container = launch.container
    if container.role is Role.ENVOY:
        return _envoy_user(launch)
    if container.role in (Role.XRAY, Role.DRAIN) or not can_choose():
        return None
    if not container.user:
        wanted = command.user or plane.task_user
        return run_as(wanted) if wanted else own(launch.network.address)
    user = run_as(container.user)
    who = launch.task.definition.get("registeredBy", "")
    if (user.uid == 0 or user.is_somebody) and not _administers(who):
        raise EngineError(
            f"user {container.user!r} is one of this machine, and the task definition was "
            f"registered by {who}: only an administrator of this control plane may choose that"
        )
    return user


def _envoy_user(launch: Launch) -> RunAs | None:
    if not can_choose():
        return None
    gateway = _gateway(launch)
    published = launch.container.environment.get(_PUBLISH, "")
    same = f"{gateway.data_dir} {gateway.resource}" if published else ""
    return of_envoy(launch.network.address, same)


def _gateway(launch: Launch) -> Gateway:
    resource = launch.container.environment.get("APPMESH_RESOURCE_ARN", "")
    # The task's directory is DATA_DIR/tasks/ID.
    data_dir = launch.task.directory.parents[1].resolve()
    return Gateway(data_dir, resource[resource.find("mesh/") :])


def _administers(registrant: str) -> bool:
    """Whether a task definition is of somebody who may do everything here, as its ``registeredBy``
    says; those of earlier versions of Tealmesh have none in their tasks.
    """
    return not registrant or registrant.endswith(":root")


def _view(user: RunAs, command: Command, environment: Mapping[str, str]) -> Sight:
    path = environment.get("PATH", os.defpath)
    return sight(user, command.owned, command.directory, path)


def ports_of(task: TaskSpec) -> set[int]:
    """The ports that the task's containers and its Envoy listen on."""
    ports = {port for container in task.containers for port in container.ports}
    envoy = task.envoy
    return ports | ({asked_port(envoy.environment), EGRESS_PORT} if envoy else set())


def localhost_of(launch: Launch) -> Mapping[str, str]:
    """Which address the task's localhost means, by port; "" for all other ports. Envoy's own ports
    are on the task's address, everything else where applications listen.
    """
    network = launch.network
    if launch.task.envoy is None:
        return {"": network.address}
    ports = (asked_port(launch.task.envoy.environment), EGRESS_PORT)
    own = {str(port): network.address for port in ports}
    return {"": network.app_address, **own}


def _command(plane: ControlPlane, launch: Launch) -> Command:
    container = launch.container
    match container.role:
        case Role.ENVOY:
            path = bootstrap_path(launch.task.directory, container.name)
            envoy = plane.envoy or find_envoy()
            directory = str(launch.task.directory)
            return Command(arguments(envoy, path.resolve(), container.environment), directory)
        case Role.XRAY:
            return Command((sys.executable, "-m", "tealmesh.engine.runtimes.xray"))
        case Role.DRAIN:
            # No agent is there to be asked: such tasks are drained before any container is stopped.
            nobody = {"APPNET_AGENT_ADMIN_MODE": "uds", "APPNET_AGENT_ADMIN_UDS_PATH": os.devnull}
            return Command((sys.executable, "-m", "tealmesh.agent", "drain"), environment=nobody)
        case _:
            return command_for(container, launch.task.images)


def _given(plane: ControlPlane, launch: Launch) -> dict[str, str]:
    """Variables that the container gets unless its definition says otherwise."""
    container, network = launch.container, launch.network
    variables = {name: os.environ[name] for name in INHERITED if name in os.environ}
    variables |= aws_environment(plane, launch, plane.endpoint)
    variables["HOST"] = _host(launch)
    # The home directory may hold the user's own credentials, which a container would not see.
    variables |= {"AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_CONFIG_FILE": os.devnull}
    if launch.task.role:
        token = authorization(plane.keys.credentials[0], launch.task.id)
        variables |= {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": credentials_uri(plane.endpoint, launch.task.id),
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": token,
        }
    if container.ports:
        variables["PORT"] = str(container.ports[0])
    if any(c.role is Role.XRAY for c in launch.task.containers):
        variables["AWS_XRAY_DAEMON_ADDRESS"] = f"{network.app_address}:{XRAY_PORT}"
    if container.role is Role.APPLICATION and _behind_virtual_node(launch):
        proxy = f"http://{network.address}:{EGRESS_PORT}"
        exempt = f"{_NOT_PROXIED},{network.app_address}"
        variables |= {"HTTP_PROXY": proxy, "http_proxy": proxy}
        variables |= {"NO_PROXY": exempt, "no_proxy": exempt}
    return variables


def _host(launch: Launch) -> str:
    """The address to listen on; Envoy, if there is one, has the task's own."""
    network = launch.network
    if launch.task.envoy is None and launch.container.role is Role.APPLICATION:
        return network.address
    return network.app_address


def _behind_virtual_node(launch: Launch) -> bool:
    envoy = launch.task.envoy
    resource = resource_of(envoy.environment) if envoy else None
    return resource is not None and resource["kind"] == Kind.VIRTUAL_NODE
