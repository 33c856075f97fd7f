"""From a container definition of ECS to the create call of the Docker Engine API. Pure.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerCreate
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tealmesh.engine.runtimes.base import ContainerSpec, ImageSpec
from tealmesh.model.errors import EngineError

VOLUMES = "task.volumes"
_MIB = 1024 * 1024
_LOG_SIZE = {"Type": "json-file", "Config": {"max-size": "20m"}}
"""The engine's own copy, which ours is read from."""


def mounts(
    definition: Mapping[str, Any], container: Mapping[str, Any], directory: Path
) -> tuple[tuple[str, str, bool], ...]:
    """(source on this machine, path inside, read only) of a container's mount points. A volume
    without a host path lives in the task's ``directory`` and ends with the task.
    """
    volumes = {v["name"]: v for v in definition.get("volumes") or ()}
    found = []
    for point in container.get("mountPoints") or ():
        volume = volumes.get(point.get("sourceVolume", ""), {})
        if (
            "efsVolumeConfiguration" in volume
            or "fsxWindowsFileServerVolumeConfiguration" in volume
        ):
            raise EngineError(
                f"volume {volume['name']}: a file system of AWS cannot be mounted here: give it a "
                f"host sourcePath, or no source for an empty volume"
            )
        source = (volume.get("host") or {}).get("sourcePath")
        place = source or str(directory / VOLUMES / point["sourceVolume"])
        found.append((place, point["containerPath"], bool(point.get("readOnly"))))
    return tuple(found)


def limits(container: Mapping[str, Any], task_memory: str) -> dict[str, Any]:
    """Members of HostConfig: the container's own limits, else the whole task's memory.
    ECS gives CPU as shares, of which 1024 are one processor.
    """
    found: dict[str, Any] = {}
    hard = container.get("memory") or (int(task_memory) if task_memory.isdigit() else 0)
    if hard:
        # As much swap as memory would be the engine's default.
        found |= {"Memory": hard * _MIB, "MemorySwap": hard * _MIB}
    soft = container.get("memoryReservation")
    if soft and (not hard or soft <= hard):
        found["MemoryReservation"] = soft * _MIB
    if container.get("cpu"):
        found["CpuShares"] = max(2, int(container["cpu"]))
    if container.get("readonlyRootFilesystem"):
        found["ReadonlyRootfs"] = True
    linux = container.get("linuxParameters") or {}
    if linux.get("initProcessEnabled"):
        found["Init"] = True
    for member, name in (("add", "CapAdd"), ("drop", "CapDrop")):
        if (linux.get("capabilities") or {}).get(member):
            found[name] = list(linux["capabilities"][member])
    return found


def create_body(
    spec: ContainerSpec, image: ImageSpec, network: str, labels: Mapping[str, str]
) -> dict[str, Any]:
    """The create call's body. ``network`` is the container whose network this one shares."""
    body: dict[str, Any] = {
        "Image": image.image,
        "Env": [f"{name}={value}" for name, value in spec.environment.items()],
        "Labels": dict(labels),
        "HostConfig": {
            **image.host_config,
            "NetworkMode": f"container:{network}",
            "LogConfig": _LOG_SIZE,
            "Binds": [_bind(*mount) for mount in image.mounts],
        },
    }
    if spec.ulimits:
        body["HostConfig"]["Ulimits"] = [
            {"Name": name, "Soft": soft, "Hard": hard} for name, soft, hard in spec.ulimits
        ]
    # Absent members leave what the image says.
    optional: dict[str, str | Sequence[str]] = {
        "Entrypoint": list(image.entry_point),
        "Cmd": list(image.arguments or spec.command),
        "User": image.user,
        "WorkingDir": spec.cwd,
    }
    body |= {name: value for name, value in optional.items() if value}
    return body


def _bind(source: str, target: str, read_only: bool) -> str:
    return f"{source}:{target}:{'ro' if read_only else 'rw'}"
