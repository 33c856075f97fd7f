"""Replicas that are processes of their own, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from tealmesh.model.clock import steady_clock
from tealmesh.model.plane import leases
from tealmesh.replicas.leases.deciding import Terms
from tealmesh.replicas.leases.holder import Leases
from tealmesh.store.database.schema import metadata
from tests.replicas.leases.contender import TERMS, guard
from tests.support.waiting import until


@contextlib.contextmanager
def _contender(url: str, name: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.replicas.leases.contender", url, name]
    with log.open("ab") as out, subprocess.Popen(command, stdout=out) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


def _written(engine: sa.Engine) -> list[tuple[int, str]]:
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT number, name FROM written ORDER BY at"))
        return [(row.number, row.name) for row in found]


def test_what_a_holder_wants_to_write_that_stood_still_does_not_land(
    postgres: str, tmp_path: Path
) -> None:
    engine = sa.create_engine(postgres)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE written (at bigserial, number bigint, name text)"))
    log = tmp_path / "log"
    with _contender(postgres, "first", log) as first:
        until(lambda: _written(engine), pause=0.02)
        with _contender(postgres, "second", log):
            first.send_signal(signal.SIGSTOP)
            until(lambda: _written(engine)[-1][1] == "second", pause=0.02)
            count = len(_written(engine))
            first.send_signal(signal.SIGCONT)
            until(lambda: len(_written(engine)) > count + 50, pause=0.02)
        # The one that ended without giving it up is followed by the other, with the next number.
        until(lambda: _written(engine)[-1][1] == "first", pause=0.02)
    numbers = [number for number, _ in _written(engine)]
    assert numbers == sorted(numbers)
    assert {(1, "first"), (2, "second")} <= set(_written(engine))
    assert all(name == ("first" if n % 2 else "second") for n, name in _written(engine))
    engine.dispose()


def test_several_work_under_one_lease_and_give_it_up_at_once(database: str) -> None:
    url = database if "://" in database else f"sqlite:///{database}"
    engine = sa.create_engine(url)
    metadata.create_all(engine)
    sole = engine.dialect.name == "sqlite"

    async def scenario() -> list[tuple[str, int]]:
        seen: list[tuple[str, int]] = []
        one, two = (
            Leases(engine.begin, guard, name, steady_clock, sole=sole, terms=TERMS)
            for name in ("one", "two")
        )
        both = asyncio.Event()

        async def work(name: str) -> None:
            lease = leases.held.get()
            assert lease is not None
            seen.append((name, lease.number))
            if len(seen) == 2:
                both.set()
            await both.wait()

        async with asyncio.timeout(60):
            await asyncio.gather(
                one.run_leased("timers", lambda: work("a")),
                one.run_leased("timers", lambda: work("b")),
            )
            await one.close()
            await two.run_leased("timers", lambda: work("c"))
            await two.close()
        return seen

    assert sorted(asyncio.run(scenario())) == [("a", 1), ("b", 1), ("c", 2)]
    engine.dispose()


def test_what_is_done_under_leases_has_stopped_before_others_take_them(postgres: str) -> None:
    engine = sa.create_engine(postgres)
    metadata.create_all(engine)

    async def scenario() -> list[str]:
        seen: list[str] = []
        one, two = (
            Leases(engine.begin, guard, name, steady_clock, sole=False, terms=TERMS)
            for name in ("one", "two")
        )
        begun = asyncio.Event()

        async def work(name: str) -> None:
            seen.append(f"{name} begins")
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.05)  # as whoever ends in good order
                seen.append(f"{name} has stopped")

        async def after() -> None:
            seen.append("two begins")

        async with asyncio.timeout(60):
            working = asyncio.create_task(one.run_leased("rollouts", lambda: work("one")))
            await begun.wait()
            waiting = asyncio.create_task(two.run_leased("rollouts", after))
            await one.give_up()
            await waiting
            late = asyncio.create_task(one.run_leased("rollouts", lambda: work("late")))
            await two.close()
            await asyncio.sleep(3 * TERMS.renewed)
            for task in (working, late):
                assert not task.done()
                task.cancel()
            await asyncio.gather(working, late, return_exceptions=True)
            await one.close()
        return seen

    assert asyncio.run(scenario()) == ["one begins", "one has stopped", "two begins"]
    engine.dispose()


def test_a_renewal_that_comes_too_late_begins_the_work_anew(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'leases.db'}")
    metadata.create_all(engine)
    answered = threading.Event()
    answered.set()

    @contextlib.contextmanager
    def connect() -> Iterator[sa.Connection]:
        with engine.begin() as connection:
            yield connection
        answered.wait()

    async def scenario() -> list[int]:
        numbers: list[int] = []
        # Its second renewal, asked for half a second after the first, holds when that has ended.
        terms = Terms(expires=2.0, lasts=1.5, renewed=0.5)
        holder = Leases(connect, guard, "one", steady_clock, sole=False, terms=terms)

        async def work() -> None:
            lease = leases.held.get()
            assert lease is not None
            numbers.append(lease.number)
            if len(numbers) == 2:
                return
            answered.clear()
            try:
                await asyncio.Event().wait()
            finally:
                answered.set()
                renewed = partial(until, lambda: lease.left() or not holder.held(), pause=0.01)
                await asyncio.to_thread(renewed)

        async with asyncio.timeout(60):
            await holder.run_leased("timers", work)
            await holder.close()
        return numbers

    assert len(asyncio.run(scenario())) == 2
    engine.dispose()
