"""PostgreSQL that is stopped, and one that has lost something: what is known goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from tealmesh.model.clock import Moment
from tealmesh.model.errors import DatabaseAway
from tealmesh.store import Store, View, commits, listening
from tealmesh.store.database import opening as database
from tealmesh.store.database import outage
from tests.support.machine import REPOSITORY
from tests.support.programs.postgres import Server, plain, running
from tests.support.waiting import until


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as made:
        yield made


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    """The database of every server, emptied after each test."""
    yield server.url
    execute(server.url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")


def execute(url: str, *statements: str) -> None:
    """What an administrator does to the database."""
    with psycopg.connect(plain(url), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextlib.asynccontextmanager
async def opened(url: str, **arguments: Any) -> AsyncIterator[Store]:
    store = Store.open(url, **arguments)
    try:
        yield store
    finally:
        await asyncio.to_thread(store.close)


async def seen(store: Store, revision: int) -> View:
    async with asyncio.timeout(60):
        async for view in store.watch():
            if view.revision >= revision:
                return view
    raise AssertionError("the watch ended")


async def is_away(store: Store, away: bool) -> None:
    await asyncio.to_thread(until, lambda: bool(store.away()) == away, pause=0.02)


async def written_again_and_again(store: Store) -> None:
    for n in range(1000):
        await store.write("a", "Put", put("again", n))


def put(name: str, n: int = 1) -> Any:
    return lambda tx: tx.put("c", name, body={"n": n})


def keys(view: View) -> list[str]:
    return [document.key for document in view.list("c")]


def test_one_that_answers_and_takes_no_write_is_not_waited_for_for_ever(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where its disk is full: that it can be read ends no outage of writes."""
    monkeypatch.setattr(commits, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(listening, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(outage, "QUIET_SECONDS", 0.5)

    def set_to(value: str) -> None:
        execute(url, f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        execute(url, "SELECT pg_reload_conf()")

    async def scenario() -> None:
        async with opened(url) as store, asyncio.timeout(60):
            await store.write("a", "Put", put("before"))
            set_to("on")
            try:
                with pytest.raises(DatabaseAway, match="read-only"):
                    await written_again_and_again(store)
                with pytest.raises(DatabaseAway, match=r"takes no writes .*read-only"):
                    await store.write("a", "Put", put("never"))
                # It can be read, which is the same for all replicas.
                assert "read-only" in store.refusing()
                assert not store.away()
                await store.fresh()
                assert "read-only" in store.refusing()
            finally:
                set_to("off")
            while True:
                with contextlib.suppress(DatabaseAway):
                    await store.write("a", "Put", put("after"))
                    break
            assert {"before", "after"} <= set(keys(store.view))
            await asyncio.to_thread(until, lambda: not store.refusing(), pause=0.02)

    asyncio.run(scenario())


def test_commits_are_refused_where_only_smaller_writes_succeed(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where its disk is full, and what replicas tell one another still finds room."""
    monkeypatch.setattr(commits, "PATIENCE_SECONDS", 0.3)

    async def scenario() -> None:
        async with opened(url) as store, asyncio.timeout(60):
            await store.write("a", "Put", put("before"))
            execute(
                url,
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
                "$$BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END$$",
                "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON documents "
                "FOR EACH ROW EXECUTE FUNCTION full_disk()",
            )
            writing = asyncio.create_task(store.write("a", "Put", put("never")))
            while not writing.done():
                await asyncio.to_thread(_beat, store)
            with pytest.raises(DatabaseAway, match=r"takes no writes .*No space left"):
                await writing
            for _ in range(20):
                await asyncio.to_thread(_beat, store)
                assert "No space left" in store.refusing()

    asyncio.run(scenario())


def _beat(store: Store) -> None:
    with store.connect() as connection:
        connection.execute(sa.text("UPDATE state SET at = at"))


def test_while_it_is_stopped_reads_go_on_and_writes_are_refused(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "PATIENCE_SECONDS", 0.3)

    async def scenario() -> None:
        async with opened(url) as one, opened(url) as two:
            await one.write("me", "Put", put("a"))
            await seen(two, 1)
            await asyncio.to_thread(server.stop)
            for _ in range(3):
                with pytest.raises(DatabaseAway, match=r"is away .*nothing was changed; try again"):
                    await one.write("me", "Put", put("b"))
            await is_away(two, True)
            assert keys(await two.fresh()) == ["a"]
            await asyncio.to_thread(until, lambda: "refused" in two.away(), two.away, pause=0.02)
            await asyncio.to_thread(server.start)
            await is_away(one, False)
            await is_away(two, False)
            await one.write("me", "Put", put("c"))
            assert keys(await seen(two, 2)) == ["a", "c"]
            assert [entry.operation for entry in await one.history()] == ["Put", "Put"]

    asyncio.run(scenario())


def test_a_restart_of_the_database_is_waited_for(server: Server, url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as store:
            await store.write("me", "Put", put("a"))
            await asyncio.to_thread(server.kill)
            writing = asyncio.create_task(store.write("me", "Put", put("b")))
            await is_away(store, True)
            await asyncio.to_thread(server.start)
            await writing
            assert keys(store.view) == ["a", "b"]

    asyncio.run(scenario())


def test_a_database_that_stands_still_is_away(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine acknowledges what it is sent, and nobody answers."""
    monkeypatch.setattr(database, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(commits, "PATIENCE_SECONDS", 0.3)

    async def scenario() -> None:
        async with opened(url) as store:
            await store.write("me", "Put", put("a"))
            with server.frozen():
                with pytest.raises(DatabaseAway, match="is away"):
                    await store.write("me", "Put", put("b"))
                assert keys(await store.fresh()) == ["a"]
            await is_away(store, False)
            await store.write("me", "Put", put("c"))
            assert keys(store.view)[0] == "a"
            assert "c" in keys(store.view)

    asyncio.run(scenario())


LOST = (
    "UPDATE state SET revision = 1, write_id = (SELECT write_id FROM audit WHERE revision = 1)",
    "DELETE FROM audit WHERE revision > 1",
    "DELETE FROM documents WHERE revision > 1",
)
"""A stand-by that had only the first commit has become the database."""


def test_a_database_that_has_lost_something_is_read_anew(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with opened(url) as one, opened(url) as two:
            for name in "abc":
                await one.write("me", "Put", put(name))
            await seen(two, 3)
            await asyncio.to_thread(execute, url, "; ".join(LOST))  # one transaction
            # Nothing goes back: who ran with revision 3 gets what there is under a later one.
            assert keys(await seen(one, 4)) == ["a"]
            assert keys(await seen(two, 4)) == ["a"]
            await two.write("me", "Put", put("d"))
            assert keys(await seen(one, two.revision)) == ["a", "d"]
            assert keys(await one.fresh()) == keys(two.view)

    asyncio.run(scenario())
    assert "does not continue revision 3: it has lost the revisions from 2 on" in caplog.text
    # The other one may have come after the first had gone on.
    assert caplog.text.count("does not continue revision 3") == 2


def test_what_was_lost_is_not_taken_for_what_was_written_instead(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One replica was cut off while the database went back and others wrote as many revisions."""

    async def scenario() -> None:
        async with opened(url) as one:
            for name in "abc":
                await one.write("me", "Put", put(name))
            other = (
                "UPDATE state SET write_id = 'other'",
                "UPDATE audit SET write_id = 'other' WHERE revision = 3",
                "UPDATE documents SET key = 'other' WHERE revision = 3",
            )
            await asyncio.to_thread(execute, url, *other)
            await one.write("me", "Put", put("d"))
            assert keys(one.view) == ["a", "b", "d", "other"]

    asyncio.run(scenario())
    assert "it has another revision 3" in caplog.text


def test_a_view_that_is_too_far_behind_is_read_anew(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as one:
            await one.write("me", "Put", put("a"))
            # What a replica has missed of which the history is gone.
            await asyncio.to_thread(
                execute, url,
                "UPDATE state SET revision = 9, write_id = 'nine'",
                "INSERT INTO documents VALUES ('c', 'late', 9, '{\"n\": 1}')",
                "DELETE FROM audit",
            )  # fmt: skip
            assert keys(await seen(one, 9)) == ["a", "late"]

    asyncio.run(scenario())


def test_another_format_is_neither_read_nor_written(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as store:
            await store.write("me", "Put", put("a"))
            await asyncio.to_thread(execute, url, "UPDATE state SET format = 99")
            with pytest.raises(Exception, match="changed to format 99 by another version"):
                await store.write("me", "Put", put("b"))
            assert keys(store.view) == ["a"]

    asyncio.run(scenario())
    with pytest.raises(Exception, match="written by a newer Tealmesh"):
        Store.open(url)


def test_the_rights_of_the_page_are_enough(server: Server) -> None:
    page = (REPOSITORY / "docs/database.md").read_text()
    before, _, after = page.partition("```sql\n")[2].partition("```")[0].partition("\\c teal\n")
    execute(server.url, *before.split(";\n")[:-1])
    there = sa.make_url(server.url).set(database="teal")
    execute(there.render_as_string(), *after.split(";\n")[:-1])

    async def scenario() -> None:
        Store.open(there.set(username="teal_owner").render_as_string()).close()
        async with opened(there.set(username="teal").render_as_string()) as store:
            await store.write("me", "Put", put("a"))
            await store.write("me", "Delete", lambda tx: tx.delete("c", "a"))
            assert await store.forget_audit(keep=1) == 1
            store.note("file")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(there.set(username="teal").render_as_string(), "DROP TABLE audit")

    asyncio.run(scenario())


class Machine:
    """A replica's own boot clock."""

    def __init__(self, boot: str, at: float) -> None:
        self.boot, self.at = boot, at

    def __call__(self) -> Any:
        return {"boot": self.boot, "at": self.at}


def test_a_wait_that_another_machine_began_ends_after_its_time(url: str) -> None:
    first, second = Machine("first", 1_000_000.0), Machine("second", 50.0)

    async def scenario() -> None:
        async with opened(url, boot_clock=first) as one, opened(url, boot_clock=second) as two:
            began = one.now().stored()
            await one.write("me", "Begin", lambda tx: tx.put("c", "a", body={"n": 1}))
            await seen(two, 1)
            assert two.now().since(began) == 0.0
            first.at, second.at = first.at + 60, second.at + 60
            assert one.now().since(began) == 60.0
            assert two.now().since(began) == 60.0
            # What began before the other replica was there is as old for it, once both have met.
            third = Machine("third", 7.0)
            async with opened(url, boot_clock=third) as late:
                assert late.now().since(began) == 0.0
                third.at, first.at = third.at + 5, first.at + 5
                await one.write("me", "Meet", put("b"))
                await seen(late, 2)
                assert late.now().since(began) == 65.0
                # Also after a restart of the replica.
                await late.write("me", "Last", put("c"))
                await asyncio.to_thread(late._writer.submit(late._follow).result)
            third.at += 10
            async with opened(url, boot_clock=third) as again:
                assert again.now().since(began) == 75.0

    asyncio.run(scenario())


def test_a_moment_that_is_ahead_of_what_was_seen_corrects_it() -> None:
    from tealmesh.store.sightings import Sightings

    sightings = Sightings({})
    now = Moment("mine", 100.0, 0.0, sightings.placed)
    assert now.since({"boot": "other", "at": 5.0}) == 0.0
    assert now.since({"boot": "other", "at": 7.0}) == 0.0
    assert now.since({"boot": "other", "at": 5.0}) == 2.0
    assert now.placed({"boot": "other", "at": 6.0}) == 99.0
    assert sightings.news() == {"other": 93.0}
    assert sightings.news() == {}


def test_whoever_stands_still_in_a_commit_does_not_keep_the_others(url: str) -> None:
    async def scenario() -> None:
        async with opened(url) as store:
            await store.write("me", "Put", put("a"))
            engine = sa.create_engine(url)
            with engine.connect() as frozen:
                frozen.execute(sa.text("SET idle_in_transaction_session_timeout = '500ms'"))
                frozen.execute(sa.text("SELECT 1 FROM state FOR UPDATE"))
                await store.write("me", "Put", put("b"))
                frozen.invalidate()
            engine.dispose()
            assert keys(store.view) == ["a", "b"]

    asyncio.run(scenario())
