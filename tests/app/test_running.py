"""The order in which a control plane ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tealmesh.app.host import listen
from tealmesh.app.parts.ground import Ground
from tealmesh.app.parts.plane import Plane
from tealmesh.app.parts.ports import Worker
from tealmesh.app.running import run_parts
from tealmesh.supervision.supervisor import Supervisor
from tests.support.machine import free_port


class _Plane:
    """One whose Envoys go away once its worker has worked, and a call was answered, after it was
    told to stop.
    """

    def __init__(self, endpoint: str, stop: asyncio.Event) -> None:
        self._endpoint, self._stop = endpoint, stop
        self._worked = asyncio.Event()
        self.seen: list[str] = []

    def workers(self) -> Iterator[Worker]:
        yield "the worker", self._work

    def gateway(self) -> ASGIApp:
        return Starlette(routes=[Route("/", _answer)])

    async def listen(self) -> None:
        self.seen.append("listens")

    async def hand_over(self) -> None:
        async with asyncio.timeout(60), httpx.AsyncClient() as client:
            await self._worked.wait()
            self.seen.append((await client.get(self._endpoint)).text)

    async def close(self) -> None:
        self.seen.append("closed")

    async def _work(self) -> None:
        await self._stop.wait()
        await asyncio.sleep(0)
        self._worked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.seen.append("stopped working")


async def _answer(_: Request) -> Response:
    return PlainTextResponse("answered")


def test_workers_and_answers_go_on_until_the_envoys_have_gone() -> None:
    async def scenario() -> list[str]:
        stop, port = asyncio.Event(), free_port()
        plane = _Plane(f"http://127.0.0.1:{port}/", stop)
        beyond = SimpleNamespace(acceptor=None)
        ground = SimpleNamespace(supervisor=Supervisor(), stop=stop, beyond=beyond)
        with listen(port, "--port") as listener:
            await run_parts(cast(Ground, ground), cast(Plane, plane), listener, stop.set)
        return plane.seen

    assert asyncio.run(scenario()) == ["listens", "answered", "stopped working", "closed"]
