"""What the demo starts and stops: a control plane, the sample system, the load generator."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import tealmesh
from tealmesh.cli.background import last_words
from tealmesh.cli.client import Client
from tealmesh.cli.demo.tally import Tally
from tealmesh.model.errors import NoControlPlane, TealError

START_TIMEOUT_SECONDS = 60.0
HEALTHY_TIMEOUT_SECONDS = 90.0
STOP_TIMEOUT_SECONDS = 120.0
MOST_UNANSWERED = 512
"""Requests without an answer until others are held back: at a tenth of the load, 4 s of it, so that
none of them is given up after 10 s because other programs have the machine."""
LOAD_STOP_TIMEOUT_SECONDS = 30.0
TRACED = 0.01
"""The share of the requests that leaves traces: a few a second."""


def sample_directory() -> Path:
    """The sample's files, in the package or in the checkout of an editable install."""
    package = Path(tealmesh.__file__).parent
    for candidate in (package / "examples" / "sample", package.parents[1] / "examples" / "sample"):
        if (candidate / "teal.toml").is_file():
            return candidate
    raise TealError("this installation of Tealmesh lacks the sample: install it from its checkout")


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def service_port(preferred: int) -> int:
    """``preferred``, or a free port if a program on all addresses keeps tasks from using it."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", preferred))
        except OSError:
            return free_port()
        return preferred


def _own_python_first() -> str:
    """A PATH on which the sample's ``python3`` is the Python that we run with. The first one of the
    machine may be too old, or a script of a version manager that takes longer than the program.
    """
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


class Plane:
    """A control plane in its own process, with its state in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.client = Client(f"http://127.0.0.1:{free_port()}")
        self._xds_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.directory / "teal.log"

    def start(self) -> float:
        """Start the control plane and wait until it is ready; returns the seconds that this took.

        Raises TealError with the error from its log if it does not start.
        """
        began = time.monotonic()
        port = self.client.endpoint.rpartition(":")[2]
        command = [sys.executable, "-m", "tealmesh.cli", "up", "--port", port]
        command += ["--xds-port", str(self._xds_port), "--data-dir", str(self.directory / "data")]
        command += ["--trace", str(TRACED)]
        with self.log.open("ab") as log:
            # In its own session: Ctrl-C reaches only us, and we stop it in order.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PATH": _own_python_first()},
                start_new_session=True,
            )
        while True:
            with contextlib.suppress(NoControlPlane):
                if self.client.health(timeout=1.0).pid == self._process.pid:
                    return time.monotonic() - began
            if self._process.poll() is not None:
                raise TealError(f"the control plane did not start: {last_words(self.log)}")
            if time.monotonic() - began > START_TIMEOUT_SECONDS:
                raise TealError(
                    f"the control plane was not ready after {START_TIMEOUT_SECONDS:.0f} s"
                )
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill the control plane; its tasks run on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Drain and stop every task and the control plane.

        Tasks outlive a control plane that has died, so it is started again to stop them. Raises
        TealError if that fails too.
        """
        if self._process is None:
            return
        if self._process.poll() is not None:
            self.start()
        try:
            self.client.shutdown(stop_tasks=True, wait_seconds=STOP_TIMEOUT_SECONDS)
            self._process.wait(STOP_TIMEOUT_SECONDS)
        except (TealError, subprocess.TimeoutExpired) as error:
            self._process.kill()
            self._process.wait()
            raise TealError(
                f"the control plane could not be stopped ({error}): tasks may still be running, "
                f"see {self.log}"
            ) from error


class System:
    """The sample system, with ports that are free and step times that the demo chooses."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.directory = plane.directory / "sample"
        shutil.copytree(
            sample_directory(), self.directory, ignore=shutil.ignore_patterns("__pycache__")
        )
        self.gateway_port = free_port()
        port = str(service_port(8080))
        text = (self.directory / "teal.toml").read_text(encoding="utf-8")
        text = text.replace("8080", port)
        self._text = _replaced(text, "port = 9080", f"port = {self.gateway_port}")

    @property
    def gateway(self) -> str:
        return f"http://127.0.0.1:{self.gateway_port}"

    def apply(self, step_time: float, bake_time: float) -> None:
        """Apply the sample with these times, in seconds."""
        text = _replaced(self._text, 'step_time = "5s"', f"step_time = {step_time:.2f}")
        text = _replaced(text, 'bake_time = "5s"', f"bake_time = {bake_time:.2f}")
        path = self.directory / "teal.toml"
        path.write_text(text, encoding="utf-8")
        self.plane.client.apply(text, file=str(path), base_directory=str(self.directory))

    def wait_answering(self) -> float:
        """Wait until both services answer through the gateway; returns the seconds this took.

        Raises TealError with the last line of a service's log if they do not answer in time.
        """
        began = time.monotonic()
        obstacle = "no request has been sent yet"
        while time.monotonic() - began < HEALTHY_TIMEOUT_SECONDS:
            obstacle = self._obstacle()
            if not obstacle:
                return time.monotonic() - began
            time.sleep(0.05)
        raise TealError(f"the sample did not start: {obstacle}{self._last_words()}")

    def _obstacle(self) -> str:
        """Why the sample does not answer yet; empty when it does."""
        status = self.plane.client.get_status()
        for service in status["services"]:
            active = [side for side in service["sides"] if side["weight"]]
            for side in active:
                if side["healthy"] < side["desired"]:
                    count = f"{side['healthy']} of {side['desired']}"
                    return f"{count} tasks of {service['name']} are healthy"
            if not active:
                return f"{service['name']} has no weight yet"
        for path in ("/", "/front"):
            failure = _probe(self.gateway_port, path)
            if failure:
                return f"{self.gateway}{path}: {failure}"
        return ""

    def _last_words(self) -> str:
        for service in ("web", "front"):
            with contextlib.suppress(TealError):
                lines = self.plane.client.get_logs(service, side=None, lines=1)
                if lines:
                    return f"; last log line of {service}: {lines[-1]['line']}"
        return f"; see {self.plane.log}"


class LoadProcess:
    """The load generator in its own process; passes its tallies to ``add``, in a thread. It holds
    requests back while the machine is too busy to answer them.
    """

    def __init__(self, targets: list[tuple[str, float]], add: Callable[[Tally], None]) -> None:
        command = [sys.executable, "-m", "tealmesh.cli.demo.load"]
        command += [f"--most={MOST_UNANSWERED}", *(f"{url}={rate}" for url, rate in targets)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self._add = add
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._add(Tally.from_json(json.loads(line)))

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Stop sending, wait for outstanding answers, and read the last tallies.

        Raises TealError if the generator itself failed, as its counts are then incomplete.
        """
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            code = self._process.wait(LOAD_STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise TealError("the load generator did not end") from error
        self._reader.join()
        if code:
            raise TealError(f"the load generator failed with exit code {code}")

    def kill(self) -> None:
        """Kill the load generator."""
        self._process.kill()
        self._process.wait()
        self._reader.join()


def _replaced(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise TealError(f"the sample's teal.toml must contain {old!r} once")
    return text.replace(old, new)


def _probe(port: int, path: str) -> str:
    """Why a GET does not answer 200 with a version; empty if it does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()
    if response.status != 200 or b'"version"' not in body:
        return f"status {response.status}: {body[:200].decode('utf-8', 'replace')}"
    return ""
