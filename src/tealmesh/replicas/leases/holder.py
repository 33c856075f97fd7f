"""Takes leases, renews them, and does what must happen once for as long as it has them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial

import sqlalchemy as sa

from tealmesh.model.clock import SteadyClock
from tealmesh.model.errors import TealError
from tealmesh.model.plane import leases
from tealmesh.model.plane.leases import Lease
from tealmesh.replicas.calls import Calls, Connect
from tealmesh.replicas.leases import rows
from tealmesh.replicas.leases.deciding import Terms, Watched, ends, free, watched

log = logging.getLogger(__name__)

Guard = Callable[[Callable[[sa.Connection], None]], AbstractContextManager[None]]
"""For as long as its context lasts, each write to the store calls this in its transaction."""
Work = Callable[[], Awaitable[None]]

TERMS = Terms()


@dataclass(eq=False)
class _Held:
    """A lease that this replica has until it is lost."""

    lease: Lease
    lost: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class _Holding:
    """The endeavour to hold one lease, for as long as somebody works under it."""

    users: int = 0
    keeper: asyncio.Task[None] | None = None
    held: _Held | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while it is held."""
    working: int = 0
    """Those that work under it at the moment."""
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the last of them has stopped."""


class Leases:
    """The leases of one replica. ``sole``: no other process uses the database, which its data
    directory's lock guarantees, so that a lease is taken at once and needs no renewal.
    """

    def __init__(
        self,
        connect: Connect,
        guard: Guard,
        replica: str,
        clock: SteadyClock,
        *,
        sole: bool,
        terms: Terms = TERMS,
    ) -> None:
        self._guard = guard
        self._replica = replica
        self._clock = clock
        self._sole = sole
        self._terms = terms
        self._calls = Calls(connect, "leases", terms.lasts)
        self._holdings: dict[str, _Holding] = {}
        self._given_up = False

    def held(self) -> dict[str, int]:
        """The leases that this replica has, with their fencing numbers."""
        found = {name: holding.held for name, holding in self._holdings.items()}
        return {name: held.lease.number for name, held in found.items() if held is not None}

    async def run_leased(self, name: str, work: Work) -> None:
        """Run ``work`` to its end while this replica has the lease ``name``; until then, wait. Work
        that has not ended when the lease does is cancelled, and begins anew with the next one. What
        it raises is raised here. Several may work under one lease.
        """
        with self._using(name) as holding:
            ended = False
            while not ended:
                while (held := holding.held) is None:
                    await holding.changed.wait()
                ended = await self._worked(holding, held, work)

    async def give_up(self) -> None:
        """Stop what is done under leases, then let others take them, at once. Whoever wants to work
        under one here waits from now on.
        """
        self._given_up = True
        numbers = self.held()
        for name, holding in self._holdings.items():
            if holding.keeper is not None:
                holding.keeper.cancel()
                await asyncio.gather(holding.keeper, return_exceptions=True)
            while holding.working:
                holding.idle.clear()
                await holding.idle.wait()
            if name in numbers:
                log.info("gives up the lease %r number %d", name, numbers[name])
                await self._release(name, numbers[name])

    async def close(self) -> None:
        """Let others take what this replica has, at once. Nobody works under a lease any more."""
        keepers = [holding.keeper for holding in self._holdings.values() if holding.keeper]
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await self._calls.close()

    @contextlib.contextmanager
    def _using(self, name: str) -> Iterator[_Holding]:
        holding = self._holdings.setdefault(name, _Holding())
        holding.users += 1
        if not self._given_up and (holding.keeper is None or holding.keeper.done()):
            holding.keeper = asyncio.create_task(self._keep(name, holding), name=f"lease-{name}")
        try:
            yield holding
        finally:
            holding.users -= 1
            if not holding.users and holding.keeper is not None:
                holding.keeper.cancel()

    async def _worked(self, holding: _Holding, held: _Held, work: Work) -> bool:
        """`_under`, and it is known meanwhile that somebody works."""
        holding.working += 1
        try:
            return await self._under(held, work)
        finally:
            holding.working -= 1
            if not holding.working:
                holding.idle.set()

    async def _under(self, held: _Held, work: Work) -> bool:
        """Work until that has ended, which True says, or the lease has."""
        lease = held.lease
        check = partial(rows.check, name=lease.name, number=lease.number)
        guard = contextlib.nullcontext() if self._sole else self._guard(check)
        with guard, _working_under(lease):
            task = asyncio.create_task(_run(work), name=f"under-lease-{lease.name}")
        lost, stopped = asyncio.create_task(held.lost.wait()), False
        try:
            while not task.done() and not held.lost.is_set() and (left := lease.left()) > 0:
                timeout = None if math.isinf(left) else left
                await asyncio.wait({task, lost}, timeout=timeout, return_when="FIRST_COMPLETED")
        finally:
            lost.cancel()
            if not task.done():
                stopped = task.cancel()
                await asyncio.wait({task})
        # The lease may have been renewed since, by an answer that came late.
        stopped = stopped or held.lost.is_set() or not lease.left()
        if task.cancelled():
            if stopped:
                return False
            raise asyncio.CancelledError  # of something that it waited for itself
        try:
            task.result()
        except TealError:
            # What it was writing when the lease was lost was refused.
            if stopped:
                return False
            raise
        return True

    async def _keep(self, name: str, holding: _Holding) -> None:
        """Take the lease whenever it is free, and hold it; until cancelled."""
        seen: Watched | None = None
        told = ""
        while True:
            lease = None
            try:
                row = await self._calls.call(rows.read, name)
                seen = watched(seen, row, self._clock())
                asked = self._clock()
                if self._sole or free(seen, self._replica, asked, self._terms):
                    number = await self._calls.call(rows.take, name, row, self._replica)
                    until = math.inf if self._sole else ends(asked, self._terms)
                    lease = Lease(name, number, self._clock, until) if number else None
                told = ""
            except Exception as error:  # noqa: BLE001 - told, and tried again: who waits needs it
                told = _log_once(told, f"the lease {name!r} cannot be looked at: {error!r}")
            if lease is not None:
                log.info("holds the lease %r number %d", name, lease.number)
                await self._hold(lease, holding)
                seen = None
            await asyncio.sleep(self._terms.renewed)

    async def _hold(self, lease: Lease, holding: _Holding) -> None:
        """Renew the lease until it is lost."""
        held = holding.held = _Held(lease)
        holding.changed.set()
        told = ""
        try:
            while lease.left():
                await asyncio.sleep(self._terms.renewed)
                if self._sole:
                    continue
                asked = self._clock()
                try:
                    if not await self._calls.call(rows.renew, lease.name, lease.number):
                        break
                    if not lease.left():
                        log.warning(
                            "the lease %r number %d was renewed too late: what is done under it"
                            " has stopped, and begins anew", lease.name, lease.number,
                        )  # fmt: skip
                    # Late answers count from when they were asked for.
                    lease.until = max(lease.until, ends(asked, self._terms))
                    told = ""
                except Exception as error:  # noqa: BLE001 - told; it ends if that goes on
                    told = _log_once(told, f"the lease {lease.name!r} is not renewed: {error!r}")
            log.warning("lost the lease %r number %d", lease.name, lease.number)
        finally:
            holding.held = None
            holding.changed.clear()
            held.lost.set()
            if not holding.users:
                await self._release(lease.name, lease.number)

    async def _release(self, name: str, number: int) -> None:
        """Let others take it. Where that fails, they wait until it has expired."""
        with contextlib.suppress(TealError, sa.exc.SQLAlchemyError, TimeoutError):
            await self._calls.call(rows.release, name, number)


@contextlib.contextmanager
def _working_under(lease: Lease) -> Iterator[None]:
    token = leases.held.set(lease)
    try:
        yield
    finally:
        leases.held.reset(token)


async def _run(work: Work) -> None:
    await work()


def _log_once(told: str, text: str) -> str:
    if text != told:
        log.warning("%s", text)
    return text
