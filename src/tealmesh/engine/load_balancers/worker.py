"""The life of one load balancer's Envoy, from its place to its end.

Its number (`PlaceBody.generation`) is recorded before it is started and its directory is named by
that, so a control plane that was killed in between finds it rather than starting another.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from tealmesh.engine.load_balancers import admin
from tealmesh.engine.load_balancers.plan import leaving
from tealmesh.engine.runtimes.base import Handle, StandaloneEnvoys
from tealmesh.engine.runtimes.sidecar import DEFAULT_DRAIN_SECONDS
from tealmesh.model.errors import EngineError
from tealmesh.model.load_balancers import PlaceBody, is_by_host, load_balancer_name
from tealmesh.store import Store, Transaction, tables
from tealmesh.store.snapshot import load_balancer_bodies

_log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
"""Between two attempts to start an Envoy."""
STOP_SECONDS = 5.0
"""Between SIGTERM and SIGKILL."""
_LOOK_SECONDS = 0.1
_KEPT = 2
"""Directories of former Envoys that stay, for their logs."""

BY_HOST_DIRECTORY = "_by-host"
"""No load balancer's name begins with an underscore."""


class Worker:
    """Keeps one load balancer's Envoy running while the load balancer exists."""

    def __init__(
        self,
        store: Store,
        envoys: StandaloneEnvoys,
        directory: Path,
        arn: str,
        wanted: Callable[[], bool],
    ) -> None:
        """``directory`` has the files of all load balancers. While ``wanted()`` is false (`teal
        down`), none is started.
        """
        self.problem = ""
        """Why no Envoy runs, for users; empty while one does."""
        self._store = store
        self._envoys = envoys
        self._arn = arn
        self._name = load_balancer_name(arn)
        self._directory = directory / (BY_HOST_DIRECTORY if is_by_host(arn) else self._name)
        self._wanted = wanted
        self._changed = asyncio.Event()
        self._starting = asyncio.Lock()

    def notify(self) -> None:
        """Say that the load balancer, or its place, may have changed."""
        self._changed.set()

    async def run(self) -> None:
        """Work until the place is gone."""
        while True:
            self._changed.clear()
            place = self._place()
            if place is None:
                return
            if leaving(load_balancer_bodies(self._store.view), self._arn):
                await self._retire(place)
                return
            handle = await self._running(place)
            if handle is None:
                handle = await self._start()
            if handle is None:
                await self._wait(asyncio.sleep(RETRY_SECONDS))
                continue
            since = asyncio.get_running_loop().time()
            await self._wait(self._envoys.wait(handle))
            if not await self._envoys.running(handle):
                lived = asyncio.get_running_loop().time() - since
                await asyncio.sleep(max(0.0, RETRY_SECONDS - lived))

    async def halt(self) -> None:
        """Stop the Envoy at once, whatever it serves; `wanted` must be false."""
        async with self._starting:
            place = self._place()
            handle = await self._running(place) if place is not None else None
            if handle is not None:
                await self._envoys.stop(handle, STOP_SECONDS)
            await self._record("StopLoadBalancer", lambda body: body.pop("handle", None))

    async def _running(self, place: PlaceBody) -> Handle | None:
        """The present Envoy if it runs, adopted if its start was not recorded."""
        generation = place.get("generation")
        if generation is None:
            return None
        handle = place.get("handle")
        if handle is None:
            handle = await self._envoys.recover(self._directory, _program(generation))
            if handle is not None and await self._envoys.running(handle):
                await self._record_handle(handle)
        if handle is None or not await self._envoys.running(handle):
            return None
        self.problem = ""
        return handle

    async def _start(self) -> Handle | None:
        """Start a new Envoy; None if that is not wanted or not possible now (`problem`)."""
        async with self._starting:
            if not self._wanted():
                return None
            place = self._place()
            if place is None:
                return None
            try:
                self._check_ports(place)
                generation = await self._next_generation(place)
                handle = await self._envoys.start(
                    self._directory, _program(generation), self._name, place["address"]
                )
            except EngineError as error:
                if str(error) != self.problem:
                    _log.warning("load balancer %s does not listen: %s", self._name, error)
                self.problem = str(error)
                return None
            await self._record_handle(handle)
            self.problem = ""
        await asyncio.to_thread(_tidy, self._directory, generation)
        return handle

    async def _next_generation(self, place: PlaceBody) -> int:
        """The number of the Envoy to start, recorded: the present one's if it never started."""
        present = place.get("generation")
        if present is not None:
            if await self._envoys.recover(self._directory, _program(present)) is None:
                return present
            _log.warning("the Envoy of load balancer %s has ended: starting another", self._name)
        return await self._record("StartLoadBalancer", _count)

    def _check_ports(self, place: PlaceBody) -> None:
        """Raise EngineError if another program has a port that must not be shared."""
        if is_by_host(self._arn):
            for port in place["ports"].values():
                problem = self._envoys.port_problem("127.0.0.1", port)
                if problem:
                    raise EngineError(f"{problem}: choose another with --lb-port")

    async def _retire(self, place: PlaceBody) -> None:
        """End the Envoy of a deleted load balancer once its clients have been asked to leave."""
        handle = await self._running(place)
        if handle is not None:
            at = self._envoys.admin(place["address"], handle)
            await admin.drain(at)
            ended = asyncio.create_task(self._envoys.wait(handle))
            await asyncio.wait({ended}, timeout=DEFAULT_DRAIN_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DEFAULT_DRAIN_SECONDS):
                    while await admin.connections(at):
                        await asyncio.wait({ended}, timeout=_LOOK_SECONDS)
            ended.cancel()
            await self._envoys.stop(handle, STOP_SECONDS)
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

        def forget(tx: Transaction) -> None:
            tx.delete(tables.LOAD_BALANCER_PLACES, self._arn)

        await self._store.write("engine", "ForgetLoadBalancer", forget)

    async def _wait(self, work: Awaitable[object]) -> None:
        """Wait for ``work``, but no longer than until something has changed."""
        job = asyncio.ensure_future(work)
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({job, changed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            job.cancel()
            changed.cancel()
            await asyncio.gather(job, changed, return_exceptions=True)

    def _place(self) -> PlaceBody | None:
        document = self._store.view.get(tables.LOAD_BALANCER_PLACES, self._arn)
        return None if document is None else document.body

    async def _record_handle(self, handle: Handle) -> None:
        def set_handle(body: PlaceBody) -> None:
            body["handle"] = handle

        await self._record("LoadBalancerStarted", set_handle)

    async def _record(self, operation: str, change: Callable[[PlaceBody], object]) -> int:
        """Change the place; return its generation."""

        def write(tx: Transaction) -> int:
            document = tx.get(tables.LOAD_BALANCER_PLACES, self._arn)
            if document is None:
                return 0
            body: PlaceBody = {**document.body}
            change(body)
            if body != document.body:
                tx.replace(document, body)
            return body.get("generation", 0)

        return await self._store.write("engine", operation, write)


def _count(body: PlaceBody) -> None:
    body["generation"] = body.get("generation", 0) + 1
    body.pop("handle", None)


def _program(generation: int) -> str:
    return f"envoy-{generation}"


def _tidy(directory: Path, generation: int) -> None:
    """Remove the files of Envoys long gone."""
    for old in range(max(1, generation - _KEPT - 10), generation - _KEPT):
        shutil.rmtree(directory / _program(old), ignore_errors=True)
        (directory / f"{_program(old)}.bootstrap.json").unlink(missing_ok=True)
