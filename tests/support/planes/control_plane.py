"""A real control plane for tests: ``teal up`` in a process of its own, on free ports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tealmesh.model.arn import DEFAULT_REGION
from tests.support import sdk
from tests.support.machine import free_port
from tests.support.planes.warm import Forked

WITHOUT_IMAGES = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
"""moto begins without its 1,300 machine images, which take 0.3 s: who looks for one says "true"."""


class ControlPlane:
    """A control plane to start, kill and start again, with its clients."""

    def __init__(
        self, directory: Path, config: Path | None = None, options: Sequence[str] = ()
    ) -> None:
        self.directory = directory
        self.options = options
        self.config = config
        self.port = free_port()
        self.xds_port = free_port()
        self.lb_port = free_port()
        self.process: subprocess.Popen[bytes] | Forked | None = None
        self.tree: Path | None = None
        """The files of another release that it is of; None for the present one."""

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {**sdk.environment(self.endpoint), "TEAL_ENDPOINT": self.endpoint}

    def start(self, **environment: str) -> None:
        """Start ``teal up`` and wait until it answers; its output goes to ``up.log``."""
        command = ["teal", "up", "--data-dir", str(self.directory / "data")]
        command += ["--port", str(self.port), "--xds-port", str(self.xds_port)]
        command += ["--lb-port", str(self.lb_port)]
        if self.config is not None:
            command += ["--config", str(self.config)]
        command += self.options
        self.process = self._begun(command, {**self.environment, **environment})
        self.wait_ready()

    def _begun(
        self, command: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes] | Forked:
        """The process of a control plane: forked where tests run. Benches and soaks run the program
        itself, since what they measure must not have been imported by another one.
        """
        log = self.directory.resolve() / "up.log"
        if self.tree is None and "PYTEST_VERSION" in os.environ:
            return Forked(command, {**WITHOUT_IMAGES, **environment}, log, log)
        given = dict(environment)
        if self.tree is not None:
            given["PYTHONPATH"] = str(self.tree / "src")
        program = [sys.executable, "-m", "tealmesh.cli", *command[1:]]
        with log.open("ab") as out:
            return subprocess.Popen(program, env=given, stdout=out, stderr=out)

    def wait_ready(self) -> None:
        """Wait until the process answers."""
        assert self.process is not None
        deadline = time.monotonic() + 90
        while not self._healthy():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("teal up did not start:\n" + self.log())
            time.sleep(0.05)

    def log(self) -> str:
        return (self.directory / "up.log").read_text(errors="replace")

    def kill9(self) -> None:
        """Send SIGKILL, as in a crash."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def down(self) -> None:
        """Stop the control plane and its tasks by ``teal down``; kill it if that fails."""
        if self.process is None:
            return
        if self.process.poll() is not None:
            self.start()
        done = self.teal("down", check=False)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"teal down left it running: {done}\n{self.log()}") from None

    def teal(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the ``teal`` command against this control plane."""
        return sdk.run(["teal", *arguments], self.environment, check=check)

    def aws(self, *arguments: str) -> Any:
        """Run the AWS CLI; return its JSON output, or None if it prints nothing."""
        return sdk.aws(self.endpoint, *arguments)

    def client(self, service: str, region: str = DEFAULT_REGION) -> Any:
        """A boto3 client."""
        return sdk.client(self.endpoint, service, region)

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_teal/health", timeout=2) as answer:
                health = json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        assert self.process is not None
        return bool(health["pid"] == self.process.pid)


@contextmanager
def control_plane(
    directory: Path,
    config: Path | None = None,
    options: Sequence[str] = (),
    tree: Path | None = None,
) -> Iterator[ControlPlane]:
    """Start a control plane; stop it and its tasks at the end. ``tree``: as of `ControlPlane`."""
    plane = ControlPlane(directory, config, options)
    plane.tree = tree
    try:
        plane.start()
        yield plane
    finally:
        plane.down()
