"""From a container definition of ECS to the create call of Docker's API. Pure, but that
links in host paths are followed.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerCreate
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tealmesh.engine.runtimes.docker.schema import CreateBody, HostConfig, LogConfig
from tealmesh.model.ecs import processor
from tealmesh.model.ecs.bodies import KeptDefinition
from tealmesh.model.errors import EngineError

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import ContainerDefinition

ENVOY = "envoy"
"""The program, by its name in App Mesh's image and in Envoy's own."""

VOLUMES = "task.volumes"
"""Directory of a task's own volumes, in the task's directory."""

_MIB = 1024 * 1024
_LOG_CONFIG: LogConfig = {"Type": "json-file", "Config": {"max-size": "20m"}}
"""Docker's own copy of a log, from which ours is made."""

Mount = tuple[str, str, bool]
"""(source on this machine, path inside, read only)."""


@dataclass(frozen=True)
class ImageSpec:
    """An image, and how to run it. Empty members leave what the image says."""

    image: str
    entry_point: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    """Given to the entry point in place of the container's command."""
    user: str = ""
    mounts: tuple[Mount, ...] = ()
    host_config: HostConfig = field(default_factory=HostConfig)
    instead: ImageSpec | None = None
    """Used if this image cannot be pulled."""


@dataclass(frozen=True)
class ContainerSpec:
    """What to create for a container, at most once ever."""

    directory: Path
    """The task's."""
    name: str
    image: ImageSpec
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: str = ""
    ulimits: tuple[tuple[str, int, int], ...] = ()
    """(name, soft, hard); -1 for no limit."""


def mounts(
    definition: KeptDefinition,
    container: ContainerDefinition,
    directory: Path,
    allowed: Collection[Path] = (),
) -> tuple[Mount, ...]:
    """The container's mount points. A volume without a host path is in the task's ``directory`` and
    removed with the task. Raises EngineError for a file system of AWS, and for a host path that is
    not within one of the directories ``allowed``.
    """
    volumes = {volume["name"]: volume for volume in definition.get("volumes") or ()}
    result = []
    for point in container.get("mountPoints") or ():
        name = point.get("sourceVolume", "")
        volume = volumes.get(name, {})
        if (
            "efsVolumeConfiguration" in volume
            or "fsxWindowsFileServerVolumeConfiguration" in volume
        ):
            raise EngineError(
                f"volume {name}: a file system of AWS cannot be mounted here: give it a "
                f"host sourcePath, or no source for an empty volume"
            )
        if "/" in name:  # no name of a volume, but older versions took it
            raise EngineError(f"volume {name!r}: its name must not have a slash")
        source = (volume.get("host") or {}).get("sourcePath") or ""
        source = _allowed(name, source, allowed) if source else str(directory / VOLUMES / name)
        result.append((source, point["containerPath"], bool(point.get("readOnly"))))
    return tuple(result)


def _allowed(name: str, source: str, allowed: Collection[Path]) -> str:
    """A path of this machine, links followed. Raises EngineError if the owner has not allowed it:
    whoever may start tasks could read everything otherwise.
    """
    real = Path(os.path.realpath(source))
    if any(real.is_relative_to(os.path.realpath(one)) for one in allowed):
        return str(real)
    listed = ", ".join(map(str, allowed)) or "none"
    raise EngineError(
        f"volume {name}: host sourcePath {source} is not in a directory that the owner of this "
        f"machine allows ({listed}): start with `teal up --allow-host-path {source}`"
    )


def limits(container: ContainerDefinition, definition: KeptDefinition) -> HostConfig:
    """The limits of a container of a task; its memory is limited by the task's if it has no limit
    itself.
    """
    config: HostConfig = {}
    hard = container.get("memory") or _number(definition.get("memory"))
    if hard:
        # By default Docker would allow as much swap as memory.
        config["Memory"] = config["MemorySwap"] = hard * _MIB
    soft = container.get("memoryReservation")
    if soft and (not hard or soft <= hard):
        config["MemoryReservation"] = soft * _MIB
    if shares := _shares(container, definition):
        config["CpuShares"] = shares
    if container.get("readonlyRootFilesystem"):
        config["ReadonlyRootfs"] = True
    linux = container.get("linuxParameters") or {}
    if linux.get("initProcessEnabled"):
        config["Init"] = True
    capabilities = linux.get("capabilities") or {}
    if capabilities.get("add"):
        config["CapAdd"] = list(capabilities["add"])
    if capabilities.get("drop"):
        config["CapDrop"] = list(capabilities["drop"])
    return config


def _shares(container: ContainerDefinition, definition: KeptDefinition) -> int:
    """The container's CPU in shares, 1024 to a processor; 0 for Docker's choice. Docker knows no
    tasks and weighs all containers of the machine against each other, so those of a task have
    together what the task has, divided as ECS does it (`model.ecs.processor`).
    """
    own, whole = processor.weight(container), _number(definition.get("cpu"))
    if not whole:
        return own if container.get("cpu") else 0
    wanted = map(processor.weight, definition["containerDefinitions"])
    return max(processor.LEAST, whole * own // sum(wanted))


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def create_body(
    spec: ContainerSpec, image: ImageSpec, network: str, labels: Mapping[str, str]
) -> CreateBody:
    """The body of the create call. ``image`` is the one that was available; ``network`` names the
    container whose network this one shares.
    """
    config = image.host_config.copy()
    config["NetworkMode"] = f"container:{network}"
    config["LogConfig"] = _LOG_CONFIG
    config["Binds"] = [_bind(*mount) for mount in image.mounts]
    if spec.ulimits:
        config["Ulimits"] = [
            {"Name": name, "Soft": soft, "Hard": hard} for name, soft, hard in spec.ulimits
        ]
    body: CreateBody = {
        "Image": image.image,
        "Env": [f"{name}={value}" for name, value in spec.environment.items()],
        "Labels": dict(labels),
        "HostConfig": config,
    }
    command: Sequence[str] = image.arguments or spec.command
    if image.entry_point:
        body["Entrypoint"] = list(image.entry_point)
    if command:
        body["Cmd"] = list(command)
    if image.user:
        body["User"] = image.user
    if spec.cwd:
        body["WorkingDir"] = spec.cwd
    return body


def version_body(image: str, labels: Mapping[str, str]) -> CreateBody:
    """The body of the call that creates a container in which an image's Envoy tells its version."""
    return {
        "Image": image,
        "Labels": dict(labels),
        "HostConfig": {"NetworkMode": "none", "LogConfig": _LOG_CONFIG},
        "Entrypoint": [ENVOY],
        "Cmd": ["--version"],
    }


def _bind(source: str, target: str, read_only: bool) -> str:
    return f"{source}:{target}:{'ro' if read_only else 'rw'}"
