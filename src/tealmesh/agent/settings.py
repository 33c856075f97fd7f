"""What the agent itself reads of its environment. What is Envoy's is read by
`envoy.bootstrap`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tealmesh.envoy.bootstrap.environment import number
from tealmesh.model.errors import TealError

DEFAULT_DIRECTORY = "/run/teal"
HTTP_PORT = 9902
_UDS_PATH = "/var/run/ecs/appnet_admin.sock"
_MODES = ("", "tcp", "uds")
_LONGEST_SOCKET = 107
"""Bytes: https://man7.org/linux/man-pages/man7/unix.7.html"""

IDENTITY = "identity.json"
BOOTSTRAP = "bootstrap.json"
LAUNCH = "launch.json"
ADMIN_SOCKET = "admin.sock"
PLANE_SOCKET = "plane.sock"


@dataclass(frozen=True)
class Settings:
    """How the agent behaves."""

    directory: Path
    """For what it writes."""
    port: int
    """Of 127.0.0.1, where it answers."""
    socket: str
    """Path of the Unix socket where it answers instead; empty for the port."""
    restarts: int
    """How often Envoy is started again."""
    drain_seconds: float
    """How long the task drains after SIGTERM, at most."""
    poll_seconds: float
    """Between two looks at whether Envoy has its control plane."""
    disconnected_seconds: float
    """After how long without one it is not healthy any more."""
    config_file: str
    """A whole bootstrap of the user's; empty for ours."""

    def writable(self) -> Settings:
        """With the directory, or another where it cannot be written to: whoever runs the image as
        another user has not been thought of in it. Raises TealError.
        """
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            if self.directory != Path(DEFAULT_DIRECTORY):
                raise TealError(f"{self.directory} cannot be made: {error.strerror}") from error
        if os.access(self.directory, os.W_OK | os.X_OK):
            return self
        if self.directory != Path(DEFAULT_DIRECTORY):
            raise TealError(f"TEAL_ENVOY_DIRECTORY = {str(self.directory)!r} cannot be written to")
        try:
            return replace(self, directory=Path(tempfile.mkdtemp(prefix="teal-envoy-")))
        except OSError as error:
            raise TealError(
                f"neither {DEFAULT_DIRECTORY} nor a temporary directory can be written to: mount a "
                "volume there"
            ) from error

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Settings:
        """Raises TealError for a variable that cannot be used."""
        mode = environment.get("APPNET_AGENT_ADMIN_MODE", "").strip().lower()
        if mode not in _MODES:
            raise TealError(f"APPNET_AGENT_ADMIN_MODE = {mode!r}: must be tcp or uds")
        directory = environment.get("TEAL_ENVOY_DIRECTORY") or DEFAULT_DIRECTORY
        if not directory.startswith("/"):
            raise TealError(f"TEAL_ENVOY_DIRECTORY = {directory!r}: must be an absolute path")
        if len(directory.encode()) + len(ADMIN_SOCKET) + 1 > _LONGEST_SOCKET:
            raise TealError(
                f"TEAL_ENVOY_DIRECTORY = {directory!r}: must be shorter, as the path of a socket "
                f"in it may have {_LONGEST_SOCKET} bytes"
            )
        path = environment.get("APPNET_AGENT_ADMIN_UDS_PATH") or _UDS_PATH
        restarts, drain = "APPNET_ENVOY_RESTART_COUNT", "LISTENER_DRAIN_WAIT_TIME_S"
        port, away = "APPNET_AGENT_HTTP_PORT", "HC_DISCONNECTED_TIMEOUT_S"
        poll = number(environment, "HC_POLL_INTERVAL_MS", 10_000, (1, 3_600_000))
        return cls(
            directory=Path(directory),
            port=int(number(environment, port, HTTP_PORT, (1, 65535))),
            socket=path if mode == "uds" else "",
            restarts=int(number(environment, restarts, 0, (0, 10))),
            drain_seconds=number(environment, drain, 20, (5, 110)),
            poll_seconds=poll / 1000,
            disconnected_seconds=number(environment, away, 604_800, (1, 10**9)),
            config_file=environment.get("ENVOY_CONFIG_FILE", ""),
        )
