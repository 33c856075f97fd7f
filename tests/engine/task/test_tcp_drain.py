"""Connections of a TCP listener are in flight until they end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tealmesh.store import tables
from tealmesh.store.store import Store
from tealmesh.store.views import Transaction
from tests.engine.task.mesh import REGISTRY, engine_and_ads, envoy, put_mesh
from tests.support.planes.engine import Documents, definition, service, web


async def _put_tcp_service(documents: Documents) -> None:
    await put_mesh(documents.store)
    await documents.images(web="version=1")

    def speak_tcp(tx: Transaction) -> None:
        document = tx.get(tables.VIRTUAL_NODES, "m", "web")
        assert document is not None
        listener: Any = {"portMapping": {"port": 8080, "protocol": "tcp"}}
        spec = {**document.body["spec"], "listeners": [listener]}
        tx.replace(document, {**document.body, "spec": spec})

    await documents.store.write("test", "Node", speak_tcp)
    sidecar = envoy("web", TEAL_DRAIN_TIME="600")
    arn = await documents.define(definition("web", 1, web(), sidecar))
    await documents.put_service(service("web", arn, 1, serviceRegistries=[REGISTRY]))
    await documents.steady("web")


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """One request on a connection that stays open."""
    writer.write(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    return head.split(b"\r\n")[0] + b" " + await reader.readexactly(1)


def test_a_task_stops_once_its_last_connection_has_ended(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store.open(tmp_path / "state.db")
        documents = Documents(store)
        async with engine_and_ads(tmp_path, store):
            await _put_tcp_service(documents)
            (task,) = documents.tasks("RUNNING")
            reader, writer = await asyncio.open_connection(task["teal"]["address"], 8080)
            assert await _ask(reader, writer) == b"HTTP/1.1 200 OK 1"
            await documents.update_service("web", lambda body: body.update(desiredCount=0))
            await documents.until(lambda _: bool(documents.tasks("DEACTIVATING")))
            for _ in range(20):
                assert await _ask(reader, writer) == b"HTTP/1.1 200 OK 1"
                await asyncio.sleep(0.05)
            assert documents.tasks("DEACTIVATING")
            writer.close()
            await documents.until(lambda _: bool(documents.tasks("STOPPED")))
        store.close()

    asyncio.run(scenario())
