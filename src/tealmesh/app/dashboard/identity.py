"""Sessions of people whom a proxy names: ``POST /_teal/session/identity``. Design note 044."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tealmesh.app.dashboard.access import HEADERS, SESSION, Fresh, begun, guarded
from tealmesh.aws.callers.front import LISTENED, PEER, Front
from tealmesh.aws.callers.peers import NOBODY, Peer
from tealmesh.aws.callers.sessions import Sessions
from tealmesh.aws.wire.codec import Request as WireRequest
from tealmesh.model.errors import AwsError

if TYPE_CHECKING:
    from tealmesh.aws.callers.oidc.people import People

PATH = f"{SESSION}/identity"


def identity_route(people: People | None, sessions: Sessions, front: Front, fresh: Fresh) -> Route:
    """Where a session begins by what a proxy says; 204 where none says anything."""

    async def begin(request: Request) -> Response:
        if people is None:
            return Response(status_code=204, headers=HEADERS)
        state = request.scope.get("state") or {}
        peer = state.get(PEER)
        address = (peer if isinstance(peer, Peer) else NOBODY).address
        source = f"a proxy at {address or 'unknown'}"
        try:
            shown = await people.shown(request.headers, address, bool(state.get(LISTENED)))
            if shown is None:
                return Response(status_code=204, headers=HEADERS)
            source = shown.name
            # The guard compares it with Host: only our own page has one that is let pass.
            if "origin" not in request.headers:
                text = "a session begins from our own page, whose requests have an Origin"
                raise AwsError("AccessDenied", text, status=403)
            if shown.who is None:
                text = f"{shown.name} has no access: the owner grants it in the file of --oidc"
                raise AwsError("AccessDenied", text, status=403)
            token, session = await sessions.recognise(shown.who, shown.claims)
        except AwsError as error:
            front.tell(source, _head(request), error)
            raise
        return JSONResponse(begun(token, session), headers=HEADERS)

    return Route(PATH, guarded(begin, fresh), methods=["POST"])


def _head(request: Request) -> WireRequest:
    return WireRequest(request.method, request.url.path, "", {}, b"")
