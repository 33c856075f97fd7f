"""A task's application with a fault: a proxy in front of the real one, in the same task.

``python -m tealmesh.cli.rehearse.faulty FAULT HEALTH_PATH COMMAND…`` runs COMMAND on another port
of HOST and listens at PORT in its place. FAULT is a `faults.Wrong` as JSON. It passes on HTTP/1.1
requests whole; streams and WebSockets are not passed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, cast

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from tealmesh.cli.rehearse.faults import Wrong

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
MARK = "x-teal-rehearsal"
"""The header of answers that the fault has made."""
_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "content-encoding",
}


class Faulty:
    """The proxy."""

    def __init__(
        self, wrong: Wrong, health_path: str, origin: str, application: subprocess.Popen[bytes]
    ) -> None:
        self._wrong = wrong
        self._application = application
        self._health_path = health_path
        self._served = 0
        # Without TLS, whose authorities are slow to load.
        self._http = httpx.AsyncClient(
            base_url=origin,
            timeout=60,
            trust_env=False,
            verify=False,  # noqa: S501 - the application beside it speaks none
        )

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=METHODS)])

    async def _answer(self, request: Request) -> Response:
        if request.url.path != self._health_path and self._concerns(request):
            made = await self._fault()
            if made is not None:
                return made
        return await self._pass_on(request)

    def _concerns(self, request: Request) -> bool:
        method, header = self._wrong.get("method"), self._wrong.get("header", "")
        name, _, value = header.partition("=")
        if (method and request.method != method) or (name and request.headers.get(name) != value):
            return False
        return random.random() < self._wrong.get("share", 1.0)  # noqa: S311 - no secret

    async def _fault(self) -> Response | None:
        """The answer in place of the application's; None if the application is to answer."""
        self._served += 1
        used_up = self._served > self._wrong.get("requests", 0)
        match self._wrong["kind"]:
            case "errors":
                return Response(status_code=self._wrong.get("status", 500), headers={MARK: "1"})
            case "latency":
                await asyncio.sleep(self._wrong.get("seconds", 1.0))
            case "crash" if used_up:
                self._application.kill()
                os._exit(9)
            case "hang":
                await asyncio.sleep(3600)
            case "leak" if used_up:
                await asyncio.sleep(3600)
        return None

    async def _pass_on(self, request: Request) -> Response:
        headers = [(k, v) for k, v in request.headers.items() if k not in _HOP_BY_HOP]
        url = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        try:
            answer = await self._http.request(
                request.method, url, headers=headers, content=await request.body()
            )
        except httpx.HTTPError as error:
            return Response(f"the application does not answer: {error}", 502)
        kept = {k: v for k, v in answer.headers.items() if k not in _HOP_BY_HOP}
        return Response(answer.content, answer.status_code, kept)


def main() -> int:
    """Run the application and the proxy until a signal, or until the application ends."""
    fault, health_path, *command = sys.argv[1:]
    wrong = cast("Wrong", json.loads(fault))
    if wrong["kind"] == "slow-start":
        time.sleep(wrong.get("seconds", 1.0))
    host = os.environ["HOST"]
    with socket.socket() as listener:
        listener.bind((host, 0))
        port = listener.getsockname()[1]
    application = subprocess.Popen(command, env={**os.environ, "PORT": str(port)})
    try:
        origin = f"http://{host}:{port}"
        faulty = Faulty(wrong, health_path, origin, application)
        return asyncio.run(_serve(faulty, application))
    finally:
        application.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            application.wait(10)


async def _serve(faulty: Faulty, application: subprocess.Popen[bytes]) -> int:
    """The exit code: the application's, if that ends first."""
    server = uvicorn.Server(
        uvicorn.Config(
            faulty.app(),
            host=os.environ["HOST"],
            port=int(os.environ["PORT"]),
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
        )
    )
    serving = asyncio.create_task(server.serve())
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn's own handlers are in place once it serves; they end it in order as well.
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    ended = asyncio.create_task(asyncio.to_thread(application.wait))
    await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        server.should_exit = True
        await serving
        return ended.result()
    application.terminate()
    await ended
    return 0


if __name__ == "__main__":
    sys.exit(main())
