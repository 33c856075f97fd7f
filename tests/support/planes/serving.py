"""A real `teal serve` for tests, whose cloud is a `teal up`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tealmesh.model.arn import DEFAULT_ACCOUNT, DEFAULT_REGION
from tests.support.planes.control_plane import ControlPlane


class ServePlane(ControlPlane):
    """A control plane in production. The Envoys that ``cloud`` starts are known to it, since it has
    the same keys.
    """

    def __init__(
        self,
        directory: Path,
        cloud: ControlPlane,
        database: str = "",
        options: Sequence[str] = (),
        keys: Path | None = None,
    ) -> None:
        """``database``: a URL; empty for one of SQLite. ``keys``: those of another replica."""
        super().__init__(directory, options=options)
        directory.mkdir(parents=True, exist_ok=True)
        self.cloud = cloud
        self.database = database or str(directory / "state.db")
        self.keys = keys or directory / "keys"
        self.program = "teal"
        """Of `warm.PROGRAMS`."""
        self.given: dict[str, str] = {}
        """Further variables of its environment."""

    def start(self, **environment: str) -> None:
        """Start ``teal serve`` and wait until it answers; its output goes to ``up.log``."""
        if not self.keys.exists():
            self.keys.mkdir(mode=0o700)
            shutil.copy(self.cloud.directory / "data" / "master-key", self.keys)
        command = [self.program, "serve", "--keys", str(self.keys), "--port", str(self.port)]
        command += ["--xds-port", str(self.xds_port), *self.options]
        at = self.cloud.endpoint
        given = {
            **self.environment,
            "AWS_ENDPOINT_URL": at,
            "TEAL_DATABASE": self.database,
            "TEAL_SERVE_ECS_ENDPOINT": at,
            "TEAL_SERVE_CLOUD_MAP_ENDPOINT": at,
            "TEAL_SERVE_STS_ENDPOINT": at,
            "TEAL_SERVE_REGION": DEFAULT_REGION,
            "TEAL_SERVE_ACCOUNT": DEFAULT_ACCOUNT,
            **self.given,
            **environment,
        }
        self.process = self._begun(command, given)
        self.wait_ready()

    def down(self) -> None:
        """Ask it to stop, as whoever started it does."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(15)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"SIGTERM left it running\n{self.log()}") from None


@contextmanager
def serve_plane(
    directory: Path, cloud: ControlPlane, database: str = "", options: Sequence[str] = ()
) -> Iterator[ServePlane]:
    """Start one; stop it at the end. Tasks of its cloud go on."""
    plane = ServePlane(directory, cloud, database, options)
    try:
        plane.start()
        yield plane
    finally:
        plane.down()
