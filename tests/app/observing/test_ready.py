"""What load balancers are told."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.applications import Starlette

from tealmesh.app.observing import ready


@pytest.mark.parametrize(
    ("reasons", "warnings", "status", "shown"),
    [
        ([], [], 200, {"status": "ready"}),
        (["stopping"], [], 503, {"status": "not ready", "reasons": ["stopping"]}),
        ([], ["no writes"], 200, {"status": "ready", "warnings": ["no writes"]}),
    ],
)  # fmt: skip
def test_what_keeps_it_from_work_and_what_does_not(
    reasons: list[str], warnings: list[str], status: int, shown: dict[str, object]
) -> None:
    app = Starlette(routes=[ready.route(lambda: reasons, lambda: warnings)])

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://teal") as client:
            return await client.get(ready.PATH)

    answer = asyncio.run(asked())
    assert (answer.status_code, answer.json()) == (status, shown)
