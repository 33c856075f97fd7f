"""A server whose answers a test scripts, and that keeps what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.programs.server import serve


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    form: dict[str, str]
    """The parameters of its URL, or of its form."""


@dataclass
class Receiver:
    """Answers with ``answer``; anything but a response is sent as JSON."""

    answer: Callable[[Asked], object]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    hangs: bool = False

    async def respond(self, request: Request) -> Response:
        body = await request.body()
        typed = request.headers.get("content-type") == "application/x-www-form-urlencoded"
        form = parse_qs(body.decode() if typed else request.url.query)
        asked = Asked(
            request.method,
            request.url.path,
            dict(request.headers),
            body,
            {name: values[0] for name, values in form.items()},
        )
        self.asked.append(asked)
        while self.hangs:  # noqa: ASYNC110 - a test in another thread ends it
            await asyncio.sleep(0.01)
        answer = self.answer(asked)
        return answer if isinstance(answer, Response) else JSONResponse(answer)


@contextmanager
def receiver(answer: Callable[[Asked], object]) -> Iterator[Receiver]:
    made = Receiver(answer)
    routes = [Route("/{path:path}", made.respond, methods=["GET", "POST"])]
    with serve(Starlette(routes=routes)) as url:
        made.url = url
        try:
            yield made
        finally:
            made.hangs = False
