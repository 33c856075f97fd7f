"""Callers and their backend that start at the same time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from tealmesh.store.store import Store
from tests.engine.task.mesh import REGISTRY, engine_and_ads, envoy, put_mesh
from tests.support.drills import sizes
from tests.support.planes.engine import Documents, definition, service, web

CALLERS = 1
"""With more of them the machine is too slow for the moment in which it went wrong."""


async def _start(documents: Documents) -> None:
    await put_mesh(documents.store)
    await documents.images(web="version=1")
    backend = await documents.define(definition("web", 1, web(), envoy("web")))
    caller = await documents.define(definition("caller", 1, web(), envoy("caller")))
    for number in range(CALLERS):
        await documents.put_service(service(f"caller-{number}", caller, 1))
    await documents.put_service(service("web", backend, 1, serviceRegistries=[REGISTRY]))
    for number in range(CALLERS):
        await documents.steady(f"caller-{number}")
    await documents.steady("web")


async def _first_answer(address: str) -> int:
    proxy = f"http://{address}:15001"
    async with httpx.AsyncClient(proxy=proxy, trust_env=False, verify=False) as http:
        return (await http.get("http://web.local:8080/")).status_code


# Twenty starts show what one in six got wrong.
@sizes("starts", 1, 20)
def test_the_first_request_of_callers_started_beside_their_backend_is_answered(
    tmp_path: Path, starts: int
) -> None:
    async def scenario(directory: Path) -> list[int]:
        store = Store.open(directory / "state.db")
        documents = Documents(store)
        async with engine_and_ads(directory, store):
            await _start(documents)
            callers = [t for t in documents.tasks("RUNNING") if "caller" in t["group"]]
            assert len(callers) == CALLERS
            addresses = [task["teal"]["address"] for task in callers]
            answers = await asyncio.gather(*map(_first_answer, addresses))
        store.close()
        return answers

    for number in range(starts):
        directory = tmp_path / str(number)
        directory.mkdir()
        assert asyncio.run(scenario(directory)) == [200] * CALLERS, f"start {number}"
