"""The operations of our API that let people and programs see the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tealmesh.apis.tealmesh.grouping import GroupOperations
from tealmesh.model import wire
from tealmesh.model.identity.caller import Caller, Principal
from tealmesh.model.identity.sessions import SESSION_SECONDS, SessionBody

PAGE = "/_teal/"


class Sessions(Protocol):
    """The part of `aws.callers.sessions.Sessions` that is needed here. Raises AwsError."""

    async def code(
        self, who: Principal | None, *, read_only: bool = False
    ) -> tuple[str, float]: ...
    async def create(
        self, who: Principal | None, label: str, *, read_only: bool, seconds: float
    ) -> tuple[str, SessionBody]: ...
    def lasting(self) -> Sequence[SessionBody]: ...
    async def revoke(self, actor: str, identity: str) -> SessionBody: ...


class TokenOperations(GroupOperations):
    """The part of the service that gives tokens."""

    _sessions: Sessions

    async def get_page_code(
        self, caller: Caller, request: wire.GetPageCodeInput
    ) -> wire.GetPageCodeOutput:
        read_only = request.get("readOnly", False)
        code, expires = await self._sessions.code(caller.principal, read_only=read_only)
        return {"code": code, "path": f"{PAGE}#code={code}", "expires": expires}

    async def create_token(
        self, caller: Caller, request: wire.CreateTokenInput
    ) -> wire.CreateTokenOutput:
        secret, session = await self._sessions.create(
            caller.principal,
            request.get("label", "") or "a token",
            read_only=request.get("readOnly", False),
            seconds=request.get("seconds", SESSION_SECONDS),
        )
        return {"secret": secret, "token": described(session)}

    async def list_tokens(
        self, caller: Caller, request: Mapping[str, object]
    ) -> wire.ListTokensOutput:
        return {"tokens": [described(one) for one in self._sessions.lasting()]}

    async def revoke_token(
        self, caller: Caller, request: wire.RevokeTokenInput
    ) -> wire.RevokeTokenOutput:
        return {"token": described(await self._sessions.revoke(caller.actor, request["tokenId"]))}


def described(session: SessionBody) -> wire.Token:
    answer: wire.Token = {
        "tokenId": session["id"],
        "actor": session["actor"],
        "access": session["access"],
        "createdAt": session["made"],
        "expiresAt": session["expires"],
    }
    if session["label"]:
        answer["label"] = session["label"]
    return answer
