"""What a write costs on SQLite, on PostgreSQL, and with a second replica: one changed document.

PostgreSQL runs on this machine, with all that makes its commits durable; on another one each of a
commit's six or seven round trips adds the way there and back.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.support.programs.postgres import running

from bench.measurement import Measurement, quantile
from tealmesh.store import Store, Transaction
from tealmesh.store.tables import Collection

TIMES = 150
DOCUMENTS = 1000
DURABLE = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on"}
SQLITE = "SQLite"
BENCH: Collection[dict[str, int]] = Collection("bench")


def measure() -> list[Measurement]:
    """Each compared with SQLite in the same run."""
    with tempfile.TemporaryDirectory() as directory, running(DURABLE) as server:
        sqlite = asyncio.run(_alone(str(Path(directory) / "state.db")))
        alone = asyncio.run(_alone(server.url))
        followed, heard = asyncio.run(_followed(server.url))
        contended = asyncio.run(_contended(server.url))
    made = []
    for name, (wall, cpu) in (
        (SQLITE, sqlite),
        ("PostgreSQL", alone),
        ("PostgreSQL, a replica follows", followed),
        ("PostgreSQL, two replicas write", contended),
    ):
        made.append(Measurement(f"a write, {name}", wall, "ms", sqlite[0], SQLITE))
        made.append(Measurement(f"a write, {name}, CPU", cpu, "ms", sqlite[1], SQLITE))
    name = "from a commit to the view of another replica"
    return [*made, Measurement(name, heard, "ms", followed[0], "the write")]


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Store]:
    store = Store.open(url)
    try:
        await store.write("bench", "Start", _start)
        yield store
    finally:
        await asyncio.to_thread(store.close)


def _start(tx: Transaction) -> None:
    for number in range(DOCUMENTS):
        tx.put(BENCH, str(number), body={"weight": 0})


async def _alone(url: str) -> tuple[float, float]:
    async with _opened(url) as store:
        return await _writes(store)


async def _followed(url: str) -> tuple[tuple[float, float], float]:
    """Of a write while another replica follows; and how long after it that one has it."""
    heard: list[float] = []
    async with _opened(url) as store, _opened(url) as other:
        await store.fresh()
        written: dict[int, float] = {}

        async def listen() -> None:
            async for view in other.watch():
                if view.revision in written:
                    heard.append(time.perf_counter() - written[view.revision])

        listening = asyncio.create_task(listen())
        costs = await _writes(store, written)
        await other.fresh()
        listening.cancel()
    return costs, quantile(heard, 0.5) * 1000


async def _contended(url: str) -> tuple[float, float]:
    """Two replicas that write at the same time: both are in this process, which pays for both."""
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(_opened(url)) for _ in range(2)]
        both = await asyncio.gather(*(_writes(store) for store in stores))
    return sum(wall for wall, _ in both) / 2, sum(cpu for _, cpu in both) / 4


async def _writes(store: Store, written: dict[int, float] | None = None) -> tuple[float, float]:
    """The median milliseconds of a write, and the average of the processor's, of all threads."""
    taken = []
    used = time.process_time()
    for number in range(TIMES):

        def change(tx: Transaction, number: int = number) -> int:
            tx.put(BENCH, str(number % 100), body={"weight": number})
            return tx.revision

        began = time.perf_counter()
        revision = await store.write("bench", "UpdateRoute", change)
        ended = time.perf_counter()
        taken.append(ended - began)
        if written is not None:
            written[revision] = ended
            await asyncio.sleep(0.005)
    return quantile(taken, 0.5) * 1000, (time.process_time() - used) / TIMES * 1000
