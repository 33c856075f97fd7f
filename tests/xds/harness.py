"""A control plane and real Envoys in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path

import httpx

from tealmesh.envoy.bootstrap.bootstrap import bootstrap
from tealmesh.xds.streams.cache import AdsCache
from tealmesh.xds.streams.opening import Current
from tealmesh.xds.streams.server import AdsServicer
from tests.http2.echo import SERVERS
from tests.support.planes.admitting import Shared, secret_file
from tests.support.programs.envoy import ENVOY

TOKEN = "secret-of-the-test"
transport: ContextVar[str] = ContextVar("transport", default="ours")
"""Which server is used: ours, or gRPC's own as the reference."""


@contextlib.asynccontextmanager
async def serving(
    cache: AdsCache,
    port: int = 0,
    *,
    current: Current | None = None,
    options: Sequence[tuple[str, int]] = (),
    seen: Callable[[AdsServicer], None] = lambda _: None,
) -> AsyncIterator[int]:
    """Serve ``cache`` by ADS; yields the loopback port. ``seen`` is given the servicer."""
    server = SERVERS[transport.get()](options=tuple(options))
    servicer = AdsServicer(cache, Shared(TOKEN), current=current)
    seen(servicer)
    servicer.add_to(server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield bound
    finally:
        servicer.close()
        await server.stop(1)


@contextlib.asynccontextmanager
async def envoy(
    directory: Path,
    port: int,
    resource: str,
    address: str,
    *,
    delta: bool = True,
    app_address: str = "127.0.0.1",
    dns_address: tuple[str, int] | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[str]:
    """Run an Envoy with ADS at ``port`` until the end of the block; yields the URL of its admin.
    ``environment`` is added to that of its sidecar.
    """
    named = {"APPMESH_RESOURCE_ARN": resource, "ENVOY_ADMIN_ACCESS_PORT": "9901"}
    made = bootstrap(
        {**named, **(environment or {})},
        xds_address=("127.0.0.1", port),
        token_file=secret_file(directory, TOKEN),
        task=f"task-{address}",
        address=address,
        app_address=app_address,
        admin_address=address,
        dns_address=dns_address,
        delta=delta,
    )
    path = directory / f"{address}.json"
    path.touch(0o600)
    path.write_text(json.dumps(made))
    argv = [ENVOY, "-c", str(path), "--disable-hot-restart", "--concurrency", "1", "-l", "warning"]
    log = directory / f"{address}.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(*argv, stdout=out, stderr=out)
    admin = f"http://{address}:9901"
    try:
        assert await _ready(process, admin), f"Envoy is not ready:\n{log.read_text()}"
        yield admin
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _ready(process: asyncio.subprocess.Process, admin: str) -> bool:
    async with httpx.AsyncClient(verify=False) as client:
        for _ in range(1000):
            if process.returncode is not None:
                return False
            with contextlib.suppress(httpx.TransportError):
                if (await client.get(f"{admin}/ready")).status_code == 200:
                    return True
            await asyncio.sleep(0.02)
    return False
