"""The store on both databases: what is written is there again after reopening."""

from __future__ import annotations

import asyncio

import pytest

from tealmesh.store import Store
from tealmesh.store.database.opening import Database


def test_a_store_is_opened_again_with_what_was_written(database: str) -> None:
    async def run() -> None:
        store = Store.open(database)
        await store.write("ann", "Put", lambda tx: tx.put("c", "a", body={"n": 1}))
        await store.write("ann", "Put", lambda tx: tx.put("c", "b", body={"n": 2}))
        await store.write("ann", "Delete", lambda tx: tx.delete("c", "a"))
        store.close()

    asyncio.run(run())
    again = Store.open(database)
    assert [document.key for document in again.view.list("c")] == ["b"]
    assert again.revision == 3
    again.close()


@pytest.mark.parametrize(
    ("url", "hosts", "ports"),
    [
        ("postgresql://u@a:1,b:2/db", "a,b", "1,2"),
        ("postgresql://u@a,b:2/db?sslmode=require", "a,b", ",2"),
        ("postgresql://u@a:1,[::1]:2/db", "a,::1", "1,2"),
        ("postgresql://u@/db?host=a:1&host=b:2", "a,b", "1,2"),
    ],
)
def test_a_url_may_have_several_hosts(url: str, hosts: str, ports: str) -> None:
    """As libpq has them, and as SQLAlchemy has."""
    engine = Database.at(url).engine
    _, given = engine.dialect.create_connect_args(engine.url)
    assert (given["host"], given["port"], given["dbname"]) == (hosts, ports, "db")
    assert given["user"] == "u"
