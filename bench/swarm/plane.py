"""The half of a control plane that Envoys see, in a process of its own: the store, what feeds the
cache from it, admission, ADS and metrics, as `app` connects them; no engine, since the tasks are
invented. Told what to do by lines on its input; answers in JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.swarm import world
from bench.swarm.sampling import Sampler
from tealmesh.apis.appmesh.certificates import Certificates
from tealmesh.app import garbage
from tealmesh.app.envoys.admission import Admission
from tealmesh.app.envoys.documents import ByDocuments
from tealmesh.app.envoys.permission import Permissions
from tealmesh.app.envoys.server import EnvoyServer
from tealmesh.app.feed import feed
from tealmesh.engine.serving import ServingTasks
from tealmesh.envoy.translate import Translator
from tealmesh.model.clock import steady_clock, system_clock
from tealmesh.model.identity.keys import Keys
from tealmesh.rollout.metrics.windows import Metrics
from tealmesh.store import Store, Transaction
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.xds.streams.cache import AdsCache


class Plane:
    """What the process has."""

    def __init__(self, directory: Path, port: int) -> None:
        self.store = Store.open(directory / "state.db")
        self.supervisor = Supervisor()
        tasks = ServingTasks()
        self.cache = AdsCache(Translator().translate, lambda mesh: tasks.of(self.store.view, mesh))
        permissions = Permissions(ByDocuments(self.store, _no_role, system_clock), steady_clock)
        keys = Keys.of(world.MASTER, world.OWNER)
        admission = Admission(self.store, keys, permissions, system_clock, lambda *_: None)
        metrics = Metrics(steady_clock)
        self.server = EnvoyServer(self.cache, metrics, admission, self.supervisor, port, None)
        self.profile: Sampler | None = None

    async def weigh(self, weight: int) -> dict[str, Any]:
        """Change a weight; wait as a deployment does until all run with it."""

        def change(tx: Transaction) -> int:
            world.put_route(tx, world.MESH, 0, 0, weight)
            return tx.revision

        used, translations = cpu(), self.cache.translations
        began = time.monotonic()
        revision = await self.store.write("bench", "UpdateRoute", change)
        state = await self.cache.wait_converged(world.MESH, revision, 120)
        return {
            "began": began,
            "cpu": cpu() - used,
            "translations": self.cache.translations - translations,
            "waiting": len(state.waiting),
        }

    def usage(self) -> dict[str, Any]:
        used = cpu()
        gc.collect()
        return {"cpu": used, "rss": _rss(), "after": cpu()}

    async def left(self) -> dict[str, Any]:
        """Wait until no Envoy is connected."""
        while self.cache.connected(world.MESH):  # noqa: ASYNC110 - it is no event of the cache
            await asyncio.sleep(0.05)
        return {"cpu": cpu()}


async def _no_role(role: str) -> None:
    """Tasks of the bench have none."""


def cpu() -> float:
    """Seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _rss() -> int:
    """Bytes in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def _run(directory: Path, port: int, count: int) -> None:
    plane = Plane(directory, port)

    def start(tx: Transaction) -> None:
        world.put_mesh(tx, world.MESH)
        world.put_tasks(tx, count)

    await plane.store.write("bench", "Start", start)
    certificates = Certificates(plane.store, _no_client, _no_certificate)
    feeding = asyncio.create_task(feed(plane.store, plane.cache, certificates, plane.supervisor))
    await plane.server.start()
    garbage.seldom()
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    print(json.dumps({}), flush=True)
    orders: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
        "usage": _usage,
        "left": _left,
        "weigh": _weigh,
        "profile": _profile,
    }
    while line := await lines.readline():
        order, *more = line.decode().split()
        print(json.dumps(await orders[order](plane, *more)), flush=True)
    feeding.cancel()
    await plane.server.close()
    plane.store.close()


async def _usage(plane: Plane) -> dict[str, Any]:
    return plane.usage()


async def _left(plane: Plane) -> dict[str, Any]:
    return await plane.left()


async def _weigh(plane: Plane, weight: str) -> dict[str, Any]:
    return await plane.weigh(int(weight))


async def _profile(plane: Plane, path: str = "") -> dict[str, Any]:
    """Begin to profile, or end it and write what was found to a file."""
    if plane.profile is None:
        plane.profile = Sampler()
        plane.profile.start()
    else:
        plane.profile.stop(Path(path))
        plane.profile = None
    return {}


def _no_client(service: str, region: str) -> Any:
    raise AssertionError(f"no {service} in the bench")


async def _no_certificate(arn: str) -> Any:
    raise AssertionError(f"no {arn} in the bench")


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
