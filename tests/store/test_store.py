"""The store has exactly what was committed, in memory and after reopening."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tealmesh.model.errors import TealError
from tealmesh.store import Store, Transaction, View, key
from tealmesh.store.database.formats import FORMAT
from tests.support.drills import examples
from tests.support.programs.postgres import fresh_database

names = st.text(min_size=1, max_size=6)
keys = st.tuples(st.sampled_from(["a", "b"]), st.lists(names, min_size=1, max_size=2).map(tuple))
bodies = st.dictionaries(names, st.integers() | st.text() | st.lists(st.none()), max_size=3)
puts = st.tuples(st.just("put"), keys, bodies)
deletes = st.tuples(st.just("delete"), keys, st.none())
changes = st.lists(st.lists(puts | deletes, max_size=4), max_size=6)


def content(view: View) -> dict[tuple[str, str], Any]:
    return {
        (collection, document.key): document.body
        for collection, documents in view.collections.items()
        for document in documents.values()
    }


def make(transaction: Transaction, writes: list[Any]) -> None:
    for verb, (collection, parts), body in writes:
        if verb == "put":
            transaction.put(collection, *parts, body=body)
        else:
            transaction.delete(collection, *parts)


@settings(max_examples=examples(60), deadline=None)
@given(changes=changes, failing=st.sets(st.integers(0, 5)))
def test_a_store_is_a_durable_dictionary(
    tmp_path_factory: pytest.TempPathFactory, changes: list[list[Any]], failing: set[int]
) -> None:
    check_dictionary(str(tmp_path_factory.mktemp("store") / "state.db"), changes, failing)


@settings(max_examples=examples(40), deadline=None)
@given(changes=changes, failing=st.sets(st.integers(0, 5)))
def test_so_it_is_on_postgresql(
    postgres_url: str, changes: list[list[Any]], failing: set[int]
) -> None:
    with fresh_database(postgres_url) as url:
        check_dictionary(url, changes, failing)


def check_dictionary(path: str, changes: list[list[Any]], failing: set[int]) -> None:
    async def run() -> dict[tuple[str, str], Any]:
        store = Store.open(path)
        expected: dict[tuple[str, str], Any] = {}
        try:
            for number, writes in enumerate(changes):
                await one(store, writes, expected, number in failing)
        finally:
            store.close()
        return expected

    async def one(
        store: Store, writes: list[Any], expected: dict[tuple[str, str], Any], fails: bool
    ) -> None:
        before = store.view
        after = dict(expected)

        def change(transaction: Transaction) -> None:
            make(transaction, writes)
            for verb, (collection, parts), body in writes:
                after.pop((collection, key(*parts)), None)
                if verb == "put":
                    after[collection, key(*parts)] = body
            for collection in ("a", "b"):  # a transaction reads its own writes
                seen = {d.key: d.body for d in transaction.list(collection)}
                assert seen == {k: body for (c, k), body in after.items() if c == collection}
            if fails:
                raise ValueError("refused")

        if fails:
            with pytest.raises(ValueError, match="refused"):
                await store.write("me", "Test", change)
            assert store.view is before
            return
        await store.write("me", "Test", change)
        expected.clear()
        expected.update(after)
        assert content(store.view) == expected
        assert store.revision - before.revision in (0, 1)
        assert (store.revision == before.revision) or store.revision == before.revision + 1

    expected = asyncio.run(run())
    reopened = Store.open(path)
    try:
        assert content(reopened.view) == expected
    finally:
        reopened.close()


@given(st.lists(st.lists(names, min_size=1, max_size=3).map(tuple), max_size=8))
def test_keys_do_not_collide_and_prefixes_match_whole_parts(parts: list[tuple[str, ...]]) -> None:
    assert len({key(*one) for one in parts}) == len(set(parts))
    transaction = Transaction(View(0, {}))
    for one in parts:
        transaction.put("c", *one, body={"parts": list(one)})
    for one in parts:
        below = {tuple(d.body["parts"]) for d in transaction.list("c", *one)}
        assert below == {
            other for other in parts if other[: len(one)] == one and len(other) > len(one)
        }


def test_a_view_does_not_change(database: str) -> None:
    async def run() -> None:
        store = Store.open(database)
        await store.write("me", "Put", lambda tx: tx.put("c", "a", body={"n": 1}))
        old = store.view
        await store.write("me", "Put", lambda tx: tx.put("c", "a", body={"n": 2}))
        await store.write("me", "Delete", lambda tx: tx.delete("c", "a"))
        document = old.get("c", "a")
        assert document is not None
        assert document.body == {"n": 1}
        assert document.revision == old.revision == 1
        assert store.view.get("c", "a") is None
        assert store.revision == 3
        store.close()

    asyncio.run(run())


def test_a_change_that_writes_nothing_gets_no_revision(database: str) -> None:
    async def run() -> None:
        store = Store.open(database)
        assert await store.write("me", "Look", lambda tx: len(tx.list("c"))) == 0
        await store.write("me", "Delete", lambda tx: tx.delete("c", "not-there"))
        assert store.revision == 0
        assert await store.history() == []
        store.close()

    asyncio.run(run())


def test_concurrent_writers_lose_nothing(database: str) -> None:
    def increment(tx: Transaction) -> int:
        document = tx.get("c", "n")
        value = document.body["value"] + 1 if document else 1
        tx.put("c", "n", body={"value": value})
        return int(value)

    async def run() -> None:
        store = Store.open(database)
        values = await asyncio.gather(*(store.write("me", "Add", increment) for _ in range(200)))
        assert sorted(values) == list(range(1, 201))
        assert store.revision == 200
        store.close()

    asyncio.run(run())


def test_cancelling_a_writer_does_not_split_its_change(database: str) -> None:
    async def run() -> None:
        store = Store.open(database)
        tasks = [
            asyncio.create_task(store.write("me", "Put", lambda tx: _pair(tx))) for _ in range(50)
        ]
        await asyncio.sleep(0.002)
        for task in tasks[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(o is None or isinstance(o, asyncio.CancelledError) for o in outcomes)
        await store.write("me", "Last", lambda tx: tx.put("c", "end", body={}))
        assert len(store.view.list("a")) == len(store.view.list("b"))
        store.close()

    def _pair(tx: Transaction) -> None:
        name = str(tx.revision)
        tx.put("a", name, body={})
        tx.put("b", name, body={})

    asyncio.run(run())


def test_a_watcher_gets_the_newest_view_and_never_an_older_one(database: str) -> None:
    async def run() -> None:
        store = Store.open(database)
        seen: list[View] = []

        async def watch() -> None:
            async for view in store.watch():
                seen.append(view)
                if view.revision == 100:
                    return
                await asyncio.sleep(0.005)  # slower than the writer: changes are merged

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)
        for n in range(100):
            await store.write("me", "Put", lambda tx, n=n: tx.put("c", "n", body={"n": n}))
        await asyncio.wait_for(watching, 20)
        revisions = [view.revision for view in seen]
        assert revisions == sorted(set(revisions))
        assert revisions[-1] == 100
        for view in seen:
            document = view.get("c", "n")
            assert (document.body["n"] + 1 if document else 0) == view.revision
        store.close()

    asyncio.run(run())


def test_every_watcher_is_notified(database: str) -> None:
    async def run() -> None:
        store = Store.open(database)

        async def until(revision: int) -> int:
            async for view in store.watch():
                if view.revision >= revision:
                    return view.revision
            raise AssertionError("the watch ended")

        watchers = [asyncio.create_task(until(3)) for _ in range(5)]
        for n in range(3):
            await store.write("me", "Put", lambda tx, n=n: tx.put("c", str(n), body={}))
        assert await asyncio.wait_for(asyncio.gather(*watchers), 10) == [3] * 5
        store.close()

    asyncio.run(run())


def test_history_shows_who_changed_what(database: str) -> None:
    async def run() -> None:
        store = Store.open(database, clock=lambda: 12.5)
        await store.write("ann", "Put", lambda tx: tx.put("c", "a/b", body={"secret": "value"}))
        await store.write("bob", "Delete", lambda tx: tx.delete("c", "a/b"))
        newest, oldest = await store.history()
        assert (newest.revision, newest.actor, newest.operation) == (2, "bob", "Delete")
        assert newest.changes == [["c", "a%2Fb", "delete"]]
        assert (oldest.actor, oldest.at, oldest.changes) == ("ann", 12.5, [["c", "a%2Fb", "put"]])
        assert [entry.revision for entry in await store.history(limit=1)] == [2]
        store.close()

    asyncio.run(run())


def test_a_body_that_is_not_json_changes_nothing(database: str) -> None:
    async def run() -> None:
        store = Store.open(database)
        with pytest.raises(TypeError):
            await store.write("me", "Put", lambda tx: tx.put("c", "a", body={"x": object()}))
        assert store.revision == 0
        assert store.view.get("c", "a") is None
        await store.write("me", "Put", lambda tx: tx.put("c", "a", body={"x": 1}))
        assert store.revision == 1
        store.close()

    asyncio.run(run())


def test_an_unusable_database_is_reported(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    with pytest.raises(TealError, match=r"state\.db.* cannot be opened"):
        Store.open(tmp_path / "state.db")
    (tmp_path / "junk.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(TealError, match="cannot be opened: file is not a database"):
        Store.open(tmp_path / "junk.db")


def test_a_second_control_plane_sees_what_the_first_wrote_before_it_writes(database: str) -> None:
    def append(tx: Transaction, who: str) -> None:
        document = tx.get("c", "a")
        by = document.body["by"] if document else []
        tx.put("c", "a", body={"by": [*by, who]})

    async def run() -> None:
        first, second = Store.open(database), Store.open(database)
        await first.write("me", "Put", lambda tx: append(tx, "first"))
        await second.write("me", "Put", lambda tx: append(tx, "second"))
        await first.write("me", "Put", lambda tx: append(tx, "first"))
        document = first.view.get("c", "a")
        assert document is not None
        assert document.body == {"by": ["first", "second", "first"]}
        assert document.revision == first.revision == 3
        second.close()
        first.close()

    asyncio.run(run())


def test_the_database_is_private(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "sub" / "state.db")
    store.close()
    assert (tmp_path / "sub").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "sub" / "state.db").stat().st_mode & 0o777 == 0o600


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    Store.open(path).close()
    for number, opens in ((0, True), (FORMAT, True), (FORMAT + 1, False)):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {number}")
        if opens:
            Store.open(path).close()
            continue
        with pytest.raises(TealError, match=r"state\.db was written by a newer Tealmesh"):
            Store.open(path)


def test_old_audit_entries_are_forgotten_and_nothing_else(database: str) -> None:
    async def run() -> None:
        store = Store.open(database)
        for n in range(5):
            await store.write("ann", f"Put{n}", lambda tx, n=n: tx.put("c", str(n), body={"n": n}))
        assert await store.forget_audit(keep=2) == 3
        assert [entry.operation for entry in await store.history()] == ["Put4", "Put3"]
        assert await store.forget_audit() == 0
        store.close()
        again = Store.open(database)
        assert (again.revision, len(again.view.list("c"))) == (5, 5)
        again.close()

    asyncio.run(run())
