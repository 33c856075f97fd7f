"""A control plane with the sample of `teal init` and traffic, for what is recorded in docs/: with
ports and data of its own, in a temporary directory; nothing else is touched.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from readme import at_gateway, free_port
from record import environment

TRAFFIC_SECONDS = 20
"""What is said of traffic is that of some seconds."""


@dataclass(frozen=True)
class Stage:
    """Where it plays. ``gateway``: the port of its gateway."""

    directory: Path
    variables: dict[str, str]
    gateway: int

    def run(self, command: str) -> None:
        """Do something unseen."""
        subprocess.run(
            ["bash", "-c", command], cwd=self.directory, env=self.variables, check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    @contextmanager
    def load(self, path: str = "", rate: int = 60) -> Iterator[None]:
        """Send requests to the gateway."""
        process = subprocess.Popen(
            ["teal", "load", f"http://127.0.0.1:{self.gateway}/{path}", "--rate", str(rate)],
            cwd=self.directory, env=self.variables, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield
        finally:
            process.terminate()
            process.wait()

    def at_home(self, text: str) -> str:
        """``text`` as it would be on the reader's machine."""
        return text.replace(str(self.gateway), "9080").replace(str(self.directory), "/home/you")


@contextmanager
def stage() -> Iterator[Stage]:
    """The sample, running and with traffic."""
    ports = {name: free_port() for name in ("port", "xds-port", "lb-port")}
    gateway = free_port()
    with tempfile.TemporaryDirectory(prefix="teal-") as directory:
        variables = environment(directory)
        variables["TEAL_ENDPOINT"] = f"http://127.0.0.1:{ports['port']}"
        made = Stage(Path(directory), variables, gateway)
        options = " ".join(f"--{name} {port}" for name, port in ports.items())
        made.run(f"teal up -d {options}; teal init --name shop .; {at_gateway(gateway)}")
        made.run("teal apply")
        try:
            with made.load():
                time.sleep(TRAFFIC_SECONDS)
                yield made
        finally:
            made.run("teal down")
