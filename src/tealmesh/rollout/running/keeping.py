"""The old side of a deployment that has succeeded, kept running for a way back without a start.

It has no weight meanwhile, and the store says for how long it is kept. A deployment that begins
ends the keeping in the write that stores it; what it does not use of the side, it stops itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from tealmesh.rollout import documents
from tealmesh.rollout.drivers.base import Driver
from tealmesh.rollout.running.stored import kept
from tealmesh.store import Reader, Store, Transaction, tables
from tealmesh.supervision.supervisor import Supervisor

if TYPE_CHECKING:
    from tealmesh.model.rollout.locks import KeptBody

log = logging.getLogger(__name__)


class Keeping:
    """Stops each kept side in time; `run` must run as long as the control plane does."""

    def __init__(
        self, store: Store, driver: Driver, supervisor: Supervisor, poll_seconds: float
    ) -> None:
        self._store = store
        self._driver = driver
        self._supervisor = supervisor
        self._poll_seconds = poll_seconds
        self.beginning = asyncio.Lock()
        """Held while a deployment is stored, and while a side is stopped: none begins in between.
        """

    async def run(self) -> None:
        """Those whose time was over while the control plane was down are stopped at once."""
        scheduled: set[str] = set()
        async with asyncio.TaskGroup() as group:
            async for view in self._store.watch():
                for document in view.list(tables.KEPT):
                    if document.body["deployment"] not in scheduled:
                        scheduled.add(document.body["deployment"])
                        group.create_task(self._keep(document.body, scheduled))

    async def _keep(self, body: KeptBody, scheduled: set[str]) -> None:
        service = body["service"]
        try:
            await asyncio.sleep(self._store.now().left(body["since"], body["seconds"]))
            ended = False
            while not ended:
                worker = f"the end of keeping {body['side']} of {service}"
                with self._supervisor.contained(worker, concerns=service):
                    ended = await self._end(service, body)
                if not ended:
                    await asyncio.sleep(self._poll_seconds)
        finally:
            scheduled.discard(body["deployment"])

    async def _end(self, service: str, body: KeptBody) -> bool:
        """Whether the side is not kept any more."""
        async with self.beginning:
            # Another replica may store a deployment meanwhile, which would use the side.
            if not await self._write("StopKept", body, _ending):
                return True
            ended = False
            try:
                deployed = documents.deployed_service(self._store.view, service)
                side = body["side"]
                if (await self._driver.route(deployed)).weights.get(side):
                    log.warning("%s of %s has been given weight: it is left running", side, service)
                    ended = True
                else:
                    ended = await self._driver.stop_side(deployed, side)
            finally:
                # Until it is looked at again, a deployment may take it as it is.
                after = _end_keeping if ended else _kept_on
                await self._write("EndKeeping" if ended else "StopKept", body, after)
            return ended

    async def _write(
        self, operation: str, body: KeptBody, change: Callable[[Transaction, KeptBody], None]
    ) -> bool:
        """Change the side if it is kept still, which is returned."""

        def write(t: Transaction) -> bool:
            kept_still = _is_kept(t, body["service"], body)
            if kept_still:
                change(t, body)
            return kept_still

        return await self._store.write(f"rollout/{body['service']}", operation, write)


def _is_kept(reader: Reader, service: str, body: KeptBody) -> bool:
    """Whether the side is kept still, and not that of a later deployment instead."""
    present = kept(reader, service)
    return present is not None and present["deployment"] == body["deployment"]


def _ending(t: Transaction, body: KeptBody) -> None:
    ending: KeptBody = {**body, "ending": True}
    t.put(tables.KEPT, body["service"], body=ending)


def _kept_on(t: Transaction, body: KeptBody) -> None:
    t.put(tables.KEPT, body["service"], body=body)


def _end_keeping(t: Transaction, body: KeptBody) -> None:
    t.delete(tables.KEPT, body["service"])
