"""Who asks: sessions of the page, begun by a code, shown by a header, ended by a click."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tealmesh.aws.callers.front import PEER
from tealmesh.aws.callers.peers import Peer
from tealmesh.aws.callers.sessions import Sessions
from tealmesh.model import said
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.sessions import SessionBody, shown

SESSION = "/_teal/session"
_LONGEST_BODY = 1000
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}
"""Of every answer that is data."""

Answer = Callable[[Request], Awaitable[Response]]


Fresh = Callable[[], Awaitable[object]]
"""Returns once this replica knows what any other one has committed: a session, say."""


def session_routes(sessions: Sessions, fresh: Fresh) -> list[Route]:
    """Where sessions begin, are looked at, and end."""

    async def begin(request: Request) -> Response:
        token, session = await sessions.open(await _code(request), _source(request))
        return _json(begun(token, session))

    async def look(request: Request) -> Response:
        sessions.of(header(request))
        return _json(_shown(sessions.session(header(request))))

    async def end(request: Request) -> Response:
        session = sessions.session(header(request))
        await sessions.end(session["actor"], session)
        return Response(status_code=204, headers=HEADERS)

    return [
        Route(SESSION, guarded(begin, fresh), methods=["POST"]),
        Route(SESSION, guarded(look, fresh), methods=["GET"]),
        Route(SESSION, guarded(end, fresh), methods=["DELETE"]),
    ]


def guarded(answer: Answer, fresh: Fresh) -> Answer:
    """``answer`` by what all replicas know, with its errors as JSON."""

    async def safely(request: Request) -> Response:
        try:
            await fresh()
            return await answer(request)
        except AwsError as error:
            return refused(error)
        except ClientDisconnect:
            return Response(status_code=400)

    return safely


def refused(error: AwsError) -> Response:
    """An error in the form of our API's, with what its text is made of if that is known."""
    body: dict[str, object] = {"__type": error.code, "message": error.message}
    if told := said.collected([error.message]):
        body["said"] = told
    return JSONResponse(body, error.status or 400, headers=HEADERS)


def header(request: Request) -> str:
    """What the request shows of who sends it."""
    return shown(request.headers)


def begun(token: str, session: SessionBody) -> dict[str, str | float]:
    """What whoever begins a session is told of it."""
    return {"token": token, **_shown(session)}


def _json(content: dict[str, str | float]) -> Response:
    return JSONResponse(content, headers=HEADERS)


def _shown(session: SessionBody) -> dict[str, str | float]:
    return {
        "expires": session["expires"],
        "actor": session["actor"],
        "access": session["access"],
    }


async def _code(request: Request) -> str:
    body = await limited_body(request, _LONGEST_BODY)
    try:
        read = json.loads(body)
    except ValueError:
        read = None
    code = read.get("code") if isinstance(read, dict) else None
    if not isinstance(code, str):
        raise AwsError("BadRequestException", 'the body must be {"code": "CODE"}', status=400)
    return code


async def limited_body(request: Request, most: int) -> bytes:
    """The body of a request. Raises AwsError if it has more bytes than ``most``."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > most:
            text = f"a request body may have {most} bytes"
            raise AwsError("RequestEntityTooLargeException", text, status=413)
    return body


def _source(request: Request) -> str:
    """Who tries codes: a Unix user where the kernel names one, else an address."""
    peer = request.scope.get("state", {}).get(PEER)
    if isinstance(peer, Peer) and peer.uid is not None:
        return f"uid {peer.uid}"
    return request.client.host if request.client else "unknown"
