"""Operations of our own API in plain JSON, for whoever shows a session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tealmesh.app.dashboard.access import HEADERS, Fresh, guarded, header, limited_body
from tealmesh.app.dashboard.budget import Spent
from tealmesh.aws import calls
from tealmesh.aws.callers.front import Front
from tealmesh.aws.gateway import API_BODY_LIMIT_BYTES
from tealmesh.aws.signing import UNSIGNED
from tealmesh.aws.wire.apimodel import Model
from tealmesh.aws.wire.codec import Request as WireRequest
from tealmesh.aws.wire.codec import Response as WireResponse
from tealmesh.model import said
from tealmesh.model.arn import DEFAULT_ACCOUNT
from tealmesh.model.clock import random_id
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller, Principal, speaking
from tealmesh.model.identity.sessions import SCHEME

PATH = "/_teal/api/"


def of(request: Request, front: Front) -> Principal:
    """Who shows a session. Raises AwsError for who shows none, or calls too often."""
    shown = header(request)
    if not shown.startswith(SCHEME):
        text = "the header Authorization must be `Teal TOKEN`: run `teal open`"
        raise AwsError("SessionInvalid", text, status=401)
    head = WireRequest(request.method, request.url.path, "", {"authorization": shown}, b"")
    claim = front.claim(head, UNSIGNED, request.scope.get("state") or {})
    front.spend(claim)
    return claim.principal


def call_route(
    model: Model, api: object, front: Front, region: str, fresh: Fresh, spent: Spent
) -> Route:
    """Where they are: the name of the operation is the last part of the path. ``spent`` counts what
    they take.
    """

    async def counted(request: Request) -> Response:
        return await spent.by(answer(request))

    async def answer(request: Request) -> Response:
        principal = of(request, front)
        body = await limited_body(request, API_BODY_LIMIT_BYTES)
        caller = Caller(DEFAULT_ACCOUNT, region, principal.name, random_id(), principal=principal)

        async def permit(caller: Caller, name: str, params: Mapping[str, object]) -> None:
            await front.permit_ours(principal, model.service, name, params, region)

        target = f"{model.target_prefix}.{request.path_params['operation']}"
        headers = {"x-amz-target": target, "content-type": model.content_type}
        asked = WireRequest("POST", "/", "", headers, body or b"{}")
        token = speaking.set(principal)
        try:
            done = await calls.call(model, api, asked, caller, permit, _with_said)
        finally:
            speaking.reset(token)
        headers = {**HEADERS, "content-type": "application/json"}
        return Response(done.body, done.status, headers)

    return Route(PATH + "{operation}", guarded(counted, fresh), methods=["POST"])


def _with_said(response: WireResponse, answered: object) -> WireResponse:
    """The answer with a further member ``said``: by a text in it, what the text is made of."""
    told = said.collected([answered])
    if not told or not response.body.endswith(b"}") or response.body == b"{}":
        return response
    more = f',"said":{json.dumps(told)}}}'.encode()
    return replace(response, body=response.body[:-1] + more)
