"""Several replicas on one database: one order of changes, which each of them sees."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from tealmesh.model.errors import AwsError, DatabaseAway, TealError
from tealmesh.store import Store, Transaction, View
from tealmesh.store.database.opening import Database
from tests.store.cutting import Cut, before
from tests.support.drills import examples
from tests.support.programs.postgres import fresh_database

Content = dict[str, int]
names = st.sampled_from(["a", "b", "c"])
writes = st.lists(
    st.tuples(st.integers(0, 2), st.lists(st.tuples(names, st.booleans()), max_size=3)), max_size=14
)
"""Each: a replica, and the names that it counts up, or deletes where that is false."""


@contextlib.contextmanager
def fresh(kind: str, postgres_url: str) -> Iterator[str]:
    if kind == "postgresql":
        with fresh_database(postgres_url) as url:
            yield url
        return
    with tempfile.TemporaryDirectory() as directory:
        yield str(Path(directory) / "state.db")


@contextlib.asynccontextmanager
async def replicas(url: str, count: int) -> AsyncIterator[list[Store]]:
    made = [Store.open(url) for _ in range(count)]
    try:
        yield made
    finally:
        for store in made:
            await asyncio.to_thread(store.close)


def content(view: View) -> Content:
    return {document.key: document.body["n"] for document in view.list("c")}


def count(tx: Transaction, steps: list[tuple[str, bool]]) -> tuple[int, Content]:
    """Change what is named; the revision of the change, and what is then there."""
    for name, kept in steps:
        document = tx.get("c", name)
        if kept:
            tx.put("c", name, body={"n": (document.body["n"] if document else 0) + 1})
        else:
            tx.delete("c", name)
    changed = bool(list(tx.changes()))
    return tx.revision - (not changed), {d.key: d.body["n"] for d in tx.list("c")}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@settings(max_examples=examples(40))
@given(program=writes)
def test_all_replicas_see_one_order(
    kind: str, postgres_url: str, program: list[tuple[int, list[tuple[str, bool]]]]
) -> None:
    async def scenario(url: str) -> None:
        async with replicas(url, 3) as stores:
            seen: list[list[View]] = [[] for _ in stores]

            async def watch(store: Store, views: list[View]) -> None:
                async for view in store.watch():
                    views.append(view)

            watching = [asyncio.create_task(watch(*one)) for one in zip(stores, seen, strict=True)]
            results = await asyncio.gather(
                *(
                    stores[who].write("me", "Count", lambda tx, steps=steps: count(tx, steps))
                    for who, steps in program
                )
            )
            history = {0: {}, **dict(sorted(results))}
            audited = await stores[0].history()
            assert {entry.revision for entry in audited} == history.keys() - {0}
            for store in stores:
                # What somebody reads after a write through any replica has that write.
                assert content(await store.fresh()) == history[max(history)] or kind == "sqlite"
                await store.write("me", "Last", lambda tx: tx.put("end", "x", body={}))
            for task in watching:
                task.cancel()
            assert content(stores[-1].view) == history[max(history)]
            for views in seen:
                assert [v.revision for v in views] == sorted({v.revision for v in views})
                for view in views:
                    assert content(view) == history[min(view.revision, max(history))]

    with fresh(kind, postgres_url) as url:
        asyncio.run(scenario(url))


def put(name: str, n: int = 1) -> Any:
    return lambda tx: tx.put("c", name, body={"n": n})


def test_a_view_follows_without_reading_everything(postgres: str) -> None:
    async def scenario() -> None:
        async with replicas(postgres, 2) as (one, two):
            queries: list[str] = []
            engine = two._database.engine
            sa.event.listen(engine, "before_cursor_execute", lambda *a: queries.append(a[2]))
            await one.write("me", "Put", put("a"))
            await one.write("me", "Put", put("b"))
            await one.write("me", "Delete", lambda tx: tx.delete("c", "a"))
            async with asyncio.timeout(60):
                async for view in two.watch():
                    if view.revision == 3:
                        break
            assert content(two.view) == {"b": 1}
            assert two.view.changed_since(1) == {("c", "a"), ("c", "b")}
            read = [query for query in queries if "FROM documents" in query]
            assert read
            assert all("(documents.collection, documents.key) IN" in query for query in read)

    asyncio.run(scenario())


def test_a_change_that_another_replica_has_made_possible_is_made(postgres: str) -> None:
    """As Terraform's: the mesh through one replica, and what is in it through the next."""

    def beside(tx: Transaction) -> None:
        if tx.get("c", "mesh") is None:
            raise AwsError("NotFoundException", "no mesh")
        tx.put("c", "node", body={"n": 1})

    async def scenario() -> None:
        async with replicas(postgres, 2) as (one, two):
            await one.write("me", "CreateMesh", put("mesh"))
            await two.write("me", "CreateVirtualNode", beside)
            await one.write("me", "DeleteMesh", lambda tx: tx.delete("c", "mesh"))
            with pytest.raises(AwsError, match="no mesh"):
                await two.write("me", "CreateVirtualNode", beside)

    asyncio.run(scenario())


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_change_whose_commit_was_cut_off_is_made_once(postgres: str, cut: Cut) -> None:
    async def scenario(url: str, proxy: Any) -> None:
        async with replicas(url, 1) as (store,):
            add = [("a", True)]
            assert await store.write("me", "Add", lambda tx: count(tx, add)) == (1, {"a": 1})
            proxy.cut = cut
            assert await store.write("me", "Add", lambda tx: count(tx, add)) == (2, {"a": 2})
            assert proxy.cuts == 1
            assert content(store.view) == {"a": 2}
            assert [entry.revision for entry in await store.history()] == [2, 1]
            assert not store.away()

    with before(postgres) as (url, proxy):
        asyncio.run(scenario(url, proxy))


def test_nothing_is_written_where_a_check_fails(database: str) -> None:
    lost = TealError("the lease is not held any more")

    def check(connection: sa.Connection) -> None:
        if connection.execute(sa.text("SELECT count(*) FROM documents")).scalar():
            raise lost

    async def scenario() -> None:
        async with replicas(database, 1) as (store,):
            with store.guarded(check):
                await store.write("me", "Put", put("a"))
                with pytest.raises(TealError, match="not held any more"):
                    await store.write("me", "Put", put("b"))
            assert content(store.view) == {"a": 1}
            await store.write("me", "Put", put("b"))
            assert (store.revision, content(store.view)) == (2, {"a": 1, "b": 1})

    asyncio.run(scenario())


def test_tables_outside_the_revision_change_in_one_transaction(database: str) -> None:
    store = Store.open(database)
    with contextlib.suppress(KeyError), store.connect() as connection:
        connection.execute(sa.text("INSERT INTO noted (name) VALUES ('a')"))
        raise KeyError
    assert not store.noted("a")
    store.note("a")
    assert store.noted("a")
    store.close()


def test_of_several_hosts_the_one_that_answers_is_used(postgres: str) -> None:
    url = sa.make_url(postgres)
    hosts = f"host=127.0.0.1:1&host=127.0.0.1:{url.port}"
    store = Store.open(f"postgresql://{url.username}@/{url.database}?{hosts}")
    asyncio.run(store.write("me", "Put", put("a")))
    assert content(store.view) == {"a": 1}
    assert not store.away()
    store.close()


def test_a_password_is_in_no_message_and_no_name() -> None:
    for url in (
        "postgresql://teal:geheim@127.0.0.1:1/teal",
        "postgresql://teal@127.0.0.1:1/teal?password=geheim&sslpassword=geheim",
        "mysql://teal:geheim@db/teal",
        "postgresql://teal:geheim@db:port/teal",
    ):
        with pytest.raises(TealError) as raised:
            Store.open(url)
        assert "geheim" not in str(raised.value)
    assert "geheim" not in repr(Database.at("postgresql://teal:geheim@h/teal").engine)


def test_a_database_that_is_not_there_is_named(postgres: str) -> None:
    url = sa.make_url(postgres).set(database="nowhere")
    with pytest.raises(TealError, match='database "nowhere" does not exist'):
        Store.open(url.render_as_string(hide_password=False))
    with pytest.raises(DatabaseAway, match=r"127\.0\.0\.1:1/postgres cannot be opened: .*refused"):
        Store.open("postgresql://postgres@127.0.0.1:1/postgres")
