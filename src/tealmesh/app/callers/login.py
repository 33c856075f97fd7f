"""Where a proof of an AWS identity is exchanged for keys: ``POST /_teal/login``.

The owner says who is let in (`teal credentials NAME --new --role ARN`). Design note 039.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tealmesh.aws.callers.buckets import Buckets
from tealmesh.aws.callers.front import PEER
from tealmesh.aws.callers.known import Callers
from tealmesh.aws.callers.peers import Peer
from tealmesh.aws.callers.proofs import Proofs
from tealmesh.model.clock import Clock, SteadyClock
from tealmesh.model.errors import AwsError, ProofRefused, ProofUnverified
from tealmesh.model.identity.exchanged import ExchangedKeys

PATH = "/_teal/login"
TRIES = 10.0
"""A second, of one address."""
_LONGEST_BODY = 16_000


class Login:
    """The page of one control plane; ``proofs`` is None where it takes no AWS identities."""

    def __init__(
        self,
        proofs: Proofs | None,
        callers: Callers,
        keys: ExchangedKeys,
        wall: Clock,
        steady: SteadyClock,
    ) -> None:
        self._proofs = proofs
        self._callers = callers
        self._keys = keys
        self._wall = wall
        self._steady = steady
        self._tries = Buckets(TRIES, TRIES)

    def route(self) -> Route:
        return Route(PATH, self._answer, methods=["POST"])

    async def _answer(self, request: Request) -> JSONResponse:
        try:
            return await self._exchange(request)
        except AwsError as error:
            refusal = {"__type": error.code, "message": error.message}
            return JSONResponse(refusal, error.status, {"cache-control": "no-store"})

    async def _exchange(self, request: Request) -> JSONResponse:
        if not self._tries.take(_source(request), self._steady()):
            raise AwsError("Throttling", f"more than {TRIES:g} logins a second", status=429)
        if self._proofs is None:
            raise AwsError(
                "AccessDenied",
                "this control plane takes no AWS identities: `teal up --sts-endpoint` lets it",
                status=403,
            )
        try:
            who = await self._proofs.verify(await _token(request))
        except ProofRefused as error:
            raise AwsError("AccessDenied", str(error), status=403) from error
        except ProofUnverified as error:
            raise AwsError("ServiceUnavailable", str(error), status=503) from error
        if self._callers.of_arn(who.arn, who.session) is None:
            raise AwsError(
                "AccessDenied",
                f"{who.arn} has no access: the owner grants it by "
                f"`teal credentials NAME --new --role {who.arn}`",
                status=403,
            )
        key = self._keys.issue(who.arn, who.session, self._wall())
        ends = datetime.fromtimestamp(key.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        shown = {
            "Version": 1,
            "AccessKeyId": key.key_id,
            "SecretAccessKey": key.secret,
            "SessionToken": key.token,
            "Expiration": ends,
        }
        return JSONResponse(shown, headers={"cache-control": "no-store"})


async def _token(request: Request) -> str:
    """The proof in the body. Raises AwsError."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_BODY:
            raise AwsError("RequestEntityTooLargeException", "the token is too long", status=413)
    try:
        token = json.loads(body)["token"]
    except (ValueError, KeyError, TypeError) as error:
        text = 'the body must be {"token": "teal-sts1…"}'
        raise AwsError("BadRequestException", text) from error
    return str(token)


def _source(request: Request) -> str:
    """Who tries: a Unix user where the kernel names one, else an address."""
    peer = (request.scope.get("state") or {}).get(PEER)
    if isinstance(peer, Peer) and peer.uid is not None:
        return f"uid {peer.uid}"
    return peer.address if isinstance(peer, Peer) else ""
