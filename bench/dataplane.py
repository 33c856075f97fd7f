"""What a request costs on its way through two Envoys, the caller's and the called one's, beside a
direct call; with more workers and with access logs as well.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.machine import free_port
from tests.support.meshes.builder import MeshBuilder
from tests.support.meshes.translation import translate
from tests.support.programs.envoy import RunningEnvoy, loopback, running, static_bootstrap
from tests.support.waiting import until

from bench.measurement import Measurement, quantile

ROUNDS = 3
REQUESTS = 2_000
WARM_UP = 500
PORT = 8080
_CALLER, _CALLED, _APPLICATION = loopback(71), loopback(72), loopback(73)
_SERVER = """
import asyncio, sys
class Answer(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data):
        self.transport.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok")
async def main():
    server = await asyncio.get_running_loop().create_server(Answer, sys.argv[1], int(sys.argv[2]))
    await server.serve_forever()
asyncio.run(main())
"""


@dataclass(frozen=True)
class Way:
    """One way through two Envoys."""

    name: str
    workers: int = 1
    logged: bool = False


DIRECT = Way("nothing")
WAYS = (
    Way("two Envoys"),
    Way("two Envoys, ENVOY_CONCURRENCY = 2", workers=2),
    Way("two Envoys, access log of each", logged=True),
)


def measure() -> list[Measurement]:
    """The median of requests one after the other on one connection, and the Envoys' processor."""
    seconds: dict[str, list[float]] = {way.name: [] for way in (DIRECT, *WAYS)}
    cpu: dict[str, list[float]] = {way.name: [] for way in WAYS}
    with _application():
        # In turns, and the least counts: others may use the machine meanwhile.
        for _ in range(ROUNDS):
            direct = _taken(_APPLICATION, PORT, "/")
            seconds[DIRECT.name].append(quantile(direct, 0.5))
            for way in WAYS:
                taken, used = _round(way)
                seconds[way.name].append(quantile(taken, 0.5))
                cpu[way.name].append(used / (REQUESTS + WARM_UP))
    rows: list[Measurement] = []
    for way in WAYS:
        name, plain = f"a request through {way.name}", min(cpu[WAYS[0].name])
        took, straight = min(seconds[way.name]), min(seconds[DIRECT.name])
        rows += [
            Measurement(name, took * 1000, "ms", straight * 1000, "a direct call"),
            Measurement(
                f"{name}, CPU of both",
                min(cpu[way.name]) * 1e6,
                "µs",
                plain * 1e6,
                "with one worker and no log",
            ),
        ]
    return rows


def _round(way: Way) -> tuple[list[float], float]:
    """The seconds of requests, and those of processor that the Envoys have used in all."""
    with tempfile.TemporaryDirectory() as directory, _envoys(Path(directory), way) as both:
        before = _cpu(both)
        taken = _taken(_CALLER, 15001, "http://shop.local:8080/")
        return taken, _cpu(both) - before


@contextlib.contextmanager
def _application() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", _SERVER, _APPLICATION, str(PORT)])
    try:
        until(lambda: _listens(_APPLICATION, PORT))
        yield
    finally:
        process.kill()
        process.wait()


def _listens(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False


@contextlib.contextmanager
def _envoys(directory: Path, way: Way) -> Iterator[Sequence[RunningEnvoy]]:
    """The Envoys of a caller and of what it calls."""
    log = {"accessLog": {"file": {"path": str(directory / "access.log")}}}
    # Any: members of a specification.
    logging: dict[str, Any] = {"logging": log} if way.logged else {}
    mesh = MeshBuilder()
    mesh.node("shop", PORT, **logging)
    mesh.instances("shop", _CALLED)
    mesh.service("shop.local", "shop")
    mesh.route("shop", "all", {"shop": 1})
    mesh.caller("web", "shop.local", **logging)
    with contextlib.ExitStack() as stack:
        made = []
        for name, address, behind in (
            ("web", _CALLER, "127.0.0.1"),
            ("shop", _CALLED, _APPLICATION),
        ):
            admin = ("127.0.0.1", free_port())
            proxy = mesh.proxy(name, address=address, app_address=behind)
            config = static_bootstrap(translate(mesh.snapshot(), proxy), admin)
            place = directory / name
            place.mkdir()
            made.append(stack.enter_context(running(config, place, admin, way.workers)))
        yield made


def _taken(host: str, port: int, target: str) -> list[float]:
    """Seconds of each request after a warm-up."""
    request = f"GET {target} HTTP/1.1\r\nhost: shop.local:8080\r\n\r\n".encode()
    taken = []
    with socket.create_connection((host, port)) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(WARM_UP + REQUESTS):
            start = time.perf_counter()
            stream.sendall(request)
            answer = b""
            while not answer.endswith(b"\r\n\r\nok"):
                more = stream.recv(65_536)
                if not more or not (answer + more).startswith(b"HTTP/1.1 200"):
                    raise SystemExit(f"bench: the request was answered {answer + more!r}")
                answer += more
            taken.append(time.perf_counter() - start)
    return taken[WARM_UP:]


def _cpu(envoys: Sequence[RunningEnvoy]) -> float:
    """Seconds of processor that they have used."""
    ticks = 0
    for envoy in envoys:
        fields = Path(f"/proc/{envoy.process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
