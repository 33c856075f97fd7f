"""From a container definition to what an engine is told to start.

The task has a network namespace of its own: its localhost is 127.0.0.1, Envoy takes its traffic
without the application's knowing, and our HTTP port is 169.254.170.2.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tealmesh
from tealmesh.engine.runtimes.base import ContainerSpec, ImageSpec, Place
from tealmesh.engine.runtimes.containers import Container, Role
from tealmesh.engine.runtimes.docker.definition import limits, mounts
from tealmesh.engine.runtimes.docker.images import ENVOY_IMAGE, PAUSE_IMAGE
from tealmesh.engine.runtimes.docker.names import HOSTS
from tealmesh.engine.runtimes.docker.resolver import RESOLV
from tealmesh.engine.runtimes.docker.rules import (
    METADATA_ADDRESS,
    guard_text,
    redirection,
    restore_text,
)
from tealmesh.engine.runtimes.process.launch import Launch
from tealmesh.engine.runtimes.sidecar import ADMIN_PORT, arguments, write_bootstrap
from tealmesh.engine.runtimes.task_urls import credentials_path
from tealmesh.envoy.bootstrap.bootstrap import bootstrap
from tealmesh.model.errors import EngineError, TealError

XDS_SOCKET = "xds.sock"
_XDS_INSIDE = "/run/tealmesh"
_BOOTSTRAP_INSIDE = "/etc/tealmesh-bootstrap.json"
_ENVOY_USER = "1337"
"""Of the App Mesh image; also what its users' ``IgnoredUID`` says."""


def rules_text(definition: Mapping[str, Any], place: Place) -> str:
    """The packet filter rules of a task's namespace."""
    wanted = redirection(definition)
    guard = guard_text(ADMIN_PORT, place.gateway)
    return guard + (restore_text(wanted) if wanted is not None else "")


@dataclass(frozen=True)
class ContainerLaunch(Launch):
    """How the containers of one task are started by an engine. ``definition``: what of the task
    definition counts here.
    """

    definition: Mapping[str, Any] = field(default_factory=dict)

    def spec(self, container: Container, secrets: Mapping[str, str] | None = None) -> ContainerSpec:
        made = self.environment(container, {})
        return ContainerSpec(
            directory=self.directory,
            name=container.name,
            command=container.arguments,
            environment={**made, **(secrets or {})},
            cwd=container.working_directory,
            ulimits=container.ulimits,
            image=self._image(container),
        )

    def environment(self, container: Container, image: Mapping[str, str]) -> dict[str, str]:
        """What Fargate sets, and where our own API is; what the definition says wins."""
        endpoint = f"http://{METADATA_ADDRESS}"
        inside = replace(self, ports=replace(self.ports, endpoint=endpoint))
        return {
            "AWS_REGION": self.ports.region,
            "AWS_DEFAULT_REGION": self.ports.region,
            "AWS_ENDPOINT_URL": endpoint,
            # Or DiscoverInstances would go to the host data-169.254.170.2.
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
            **inside._identity(container),
            **image,
            **container.environment,
        }

    def _credentials(self, task_id: str) -> dict[str, str]:
        path = credentials_path(self.ports.xds_token, task_id)
        return {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": path}

    def prepare(self, container: Container) -> None:
        if container.role is not Role.ENVOY:
            return
        if self.ports.xds_socket is None:
            raise EngineError("Envoys in containers need the control plane's Unix socket")
        # Where it listens inside the task is ours: each task has ports of its own.
        variables = {
            name: value
            for name, value in container.environment.items()
            if name != "ENVOY_ADMIN_ACCESS_PORT"
        }
        redirected = redirection(self.definition) is not None
        try:
            made = bootstrap(
                variables,
                xds_address=(f"{_XDS_INSIDE}/{XDS_SOCKET}", 0),
                token=self.ports.xds_token,
                task=self.task_arn,
                address="" if redirected else self.network.address,
                admin_address="0.0.0.0",
            )
        except TealError as error:
            raise EngineError(f"container {container.name}: {error}") from error
        path = write_bootstrap(self.directory, container.name, made)
        user = self._envoy_user(container).partition(":")[0]
        if user.isdecimal():
            # It holds a credential: for Envoy's user and root alone.
            os.chown(path, int(user), -1)
        else:
            # A name of the image's own. On this machine the directory keeps others out.
            path.chmod(0o644)

    def _image(self, container: Container) -> ImageSpec:
        body = self._body(container)
        image = ImageSpec(
            container.image,
            entry_point=container.entry_point,
            user=str(body.get("user") or ""),
            host_config=limits(body, str(self.definition.get("memory", ""))),
            mounts=(
                (str(self.directory / HOSTS), "/etc/hosts", True),
                (str(self.directory / RESOLV), "/etc/resolv.conf", True),
                *mounts(self.definition, body, self.directory),
            ),
        )
        if container.role is Role.ENVOY:
            return self._envoy_image(container, image)
        if container.role is Role.XRAY:
            return replace(image, instead=_own_xray(image))
        return image

    def _envoy_image(self, container: Container, image: ImageSpec) -> ImageSpec:
        """Envoy itself is started, by the name that it has in App Mesh's image and in Envoy's
        own, with our bootstrap, which does what the App Mesh agent does with the environment.
        """
        if self.ports.xds_socket is None:
            raise EngineError("Envoys in containers need the control plane's Unix socket")
        inside = Path(_BOOTSTRAP_INSIDE)
        own = (
            (str(self.directory / f"{container.name}.bootstrap.json"), str(inside), True),
            (str(self.ports.xds_socket.parent), _XDS_INSIDE, True),
        )
        envoy = replace(
            image,
            entry_point=("envoy",),
            arguments=arguments("envoy", inside, container.environment)[1:],
            user=self._envoy_user(container),
            mounts=(*image.mounts, *own),
        )
        return replace(envoy, instead=replace(envoy, image=ENVOY_IMAGE))

    def _envoy_user(self, container: Container) -> str:
        """Who Envoy runs as. It must be the user whose packets pass, or they come back to it."""
        wanted = redirection(self.definition)
        user = str(self._body(container).get("user") or "")
        return user or (wanted.ignored_uid if wanted else "") or _ENVOY_USER

    def _body(self, container: Container) -> Mapping[str, Any]:
        bodies = self.definition["containerDefinitions"]
        found: Mapping[str, Any] = next(b for b in bodies if b["name"] == container.name)
        return found


def _own_xray(image: ImageSpec) -> ImageSpec:
    """The built-in X-Ray daemon, run by this very Python out of this machine's directories."""
    source = Path(tealmesh.__file__).parents[1]
    places = ["/usr", "/lib", "/lib64", sys.base_prefix, sys.prefix, str(source)]
    return replace(
        image,
        image=PAUSE_IMAGE,
        entry_point=(sys.executable, "-m", "tealmesh.engine.runtimes.xray"),
        arguments=(),
        user="0",
        mounts=(
            *image.mounts,
            *((p, p, True) for p in dict.fromkeys(places) if Path(p).is_dir()),
        ),
    )
