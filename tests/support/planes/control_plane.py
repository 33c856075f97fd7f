"""A real control plane for tests: ``teal up`` in a process of its own, on free ports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.support.machine import BIN, free_port


class ControlPlane:
    """Start, kill, start again; ask by boto3, the AWS CLI and ``teal``."""

    def __init__(
        self, directory: Path, config: Path | None = None, options: Sequence[str] = ()
    ) -> None:
        self.directory = directory
        self.options = options
        self.config = config
        self.port = free_port()
        self.xds_port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_PAGER": "",
            # DiscoverInstances would go to the host data-127.0.0.1, which resolves nowhere.
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "TEAL_ENDPOINT": self.endpoint,
        }

    def start(self, **environment: str) -> None:
        """Start ``teal up`` and wait until it answers; its output goes to ``up.log``."""
        command = [str(BIN / "teal"), "up", "--data-dir", str(self.directory / "data")]
        command += ["--port", str(self.port), "--xds-port", str(self.xds_port)]
        if self.config is not None:
            command += ["--config", str(self.config)]
        command += self.options
        with (self.directory / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**self.environment, **environment}
            )
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until the process answers."""
        assert self.process is not None
        deadline = time.monotonic() + 30
        while not self._healthy():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("teal up did not start:\n" + self.log())
            time.sleep(0.05)

    def log(self) -> str:
        return (self.directory / "up.log").read_text(errors="replace")

    def kill9(self) -> None:
        """SIGKILL, as a crash would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def down(self) -> None:
        """``teal down``: the tasks stop with the control plane. A last kill where that fails."""
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
        return self._run([str(BIN / "teal"), *arguments], check)

    def aws(self, *arguments: str) -> Any:
        """Run the real AWS CLI; its JSON output, or None where it prints nothing."""
        done = self._run([str(BIN / "aws"), "--output", "json", *arguments], True)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}, read_timeout=30, inject_host_prefix=False),
        )

    def _run(self, command: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, capture_output=True, text=True, env=self.environment, timeout=110, check=False
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{command} -> {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

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
    directory: Path, config: Path | None = None, options: Sequence[str] = ()
) -> Iterator[ControlPlane]:
    """A started control plane that is taken down, tasks and all, at the end."""
    plane = ControlPlane(directory, config, options)
    try:
        plane.start()
        yield plane
    finally:
        plane.down()
