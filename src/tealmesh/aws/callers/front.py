"""What the HTTP port asks about a caller: who it is, and whether it may do that."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from tealmesh.aws.callers import actions, context, policies, rules
from tealmesh.aws.callers.buckets import Buckets
from tealmesh.aws.callers.known import Callers, Claim
from tealmesh.aws.callers.patterns import NOTHING, Context
from tealmesh.aws.callers.peers import NOBODY, Peer
from tealmesh.aws.callers.roles import Role
from tealmesh.aws.callers.trust import TrustPolicy, why_not_trusted
from tealmesh.aws.moto.journal import operation, parameters
from tealmesh.aws.wire.codec import Request
from tealmesh.model.arn import DEFAULT_ACCOUNT
from tealmesh.model.clock import Clock, SteadyClock
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import OURSELVES, Principal
from tealmesh.model.identity.iam_keys import IamKey, IamKeyOf
from tealmesh.model.identity.sessions import SCHEME
from tealmesh.model.identity.sessions import shown as shown_by

log = logging.getLogger(__name__)

RoleOf = Callable[[str], Awaitable[Role | None]]
"""A role or user, by its ARN; None if there is no such one."""

TrustOf = Callable[[str], Awaitable[TrustPolicy | None]]
"""The trust policy of a role, by its ARN; None if there is no such role."""

ResourceTags = Callable[[Sequence[str]], context.Tags | None]
"""The tags of what a request names; None if nothing is known of them."""

Refused = Callable[[str, str, str], None]
"""Told of a refusal: who, what, why."""

SessionOf = Callable[[str], Principal]
"""Who shows a session by this header ``Authorization``. Raises AwsError."""

_FOR_USERS = frozenset({"GetFederationToken", "GetSessionToken"})
"""Operations of STS that need a user, or the account's root."""

OUR_PAGES = "/_teal/"
"""Where sessions count: the paths below it are ours."""

PEER = "peer"
INSIDE = "inside"
LISTENED = "listened"
ENCRYPTED = "encrypted"
"""The members of an ASGI scope's state in which a connection's peer is, whether that is our own
process, whether the connection came in beyond loopback, and whether it is TLS."""


class Front:
    """The callers of one HTTP port."""

    def __init__(
        self,
        callers: Callers,
        role_of: RoleOf,
        refused: Refused,
        clock: SteadyClock,
        wall: Clock,
        session: SessionOf | None = None,
        of_iam: IamKeyOf | None = None,
        trust_of: TrustOf | None = None,
        tags_of: ResourceTags = lambda resources: None,
    ) -> None:
        """``session``: without it, nobody has any. ``of_iam``: the keys of IAM and STS; without it,
        there are none. ``trust_of``: without it, no role lets another one assume it.
        """
        self._trust_of = trust_of
        self._tags_of = tags_of
        self._of_iam = of_iam
        self._callers = callers
        self._session = session
        self._clock = clock
        self._wall = wall
        self._buckets = Buckets()
        self._role_of = role_of
        self._refused = refused

    async def of_iam(self, key_id: str) -> IamKey | None:
        """The key of IAM or STS with an id, to be claimed with. Raises AwsError if that cannot be
        told at present.
        """
        return await self._of_iam(key_id) if self._of_iam is not None else None

    def claim(
        self,
        request: Request,
        key_id: str,
        state: Mapping[str, object],
        of_iam: IamKey | None = None,
    ) -> Claim:
        """The caller of a request whose body is not read yet; see `Callers.identify`."""
        found = state.get(PEER)
        peer = found if isinstance(found, Peer) else NOBODY
        try:
            shown = shown_by(request.headers)
            if self._session and shown.startswith(SCHEME) and request.path.startswith(OUR_PAGES):
                who = self._session(shown)
                return Claim(who, verified=True, finish=lambda body: None, signed=True)
            inside = bool(state.get(INSIDE))
            claim = self._callers.identify(request, key_id, peer, inside, of_iam)
        except AwsError as error:
            self.tell(_named(peer), request, error)
            raise
        address = "" if inside else peer.address
        who = replace(claim.principal, address=address, is_encrypted=bool(state.get(ENCRYPTED)))
        return replace(claim, principal=who)

    def spend(self, claim: Claim) -> None:
        """Count a call whose caller is verified. Raises AwsError ``Throttling`` for one too many.

        Whom the kernel names as the owner is not counted, nor are our own calls.
        """
        who = claim.principal
        if who.name == OURSELVES or (who.access == "admin" and not claim.signed):
            return
        if not self._buckets.take(who.name, self._clock()):
            self._refused(who.name, "a call", "Throttling")
            raise AwsError("Throttling", f"Rate exceeded: {who.name} calls too often", status=400)

    def tell(self, who: str, request: Request, error: AwsError) -> None:
        """Note that somebody was refused."""
        what = operation(Request(request.method, request.path, request.query, request.headers, b""))
        self._refused(who, what or f"{request.method} {request.path[:80]}", error.code)

    async def permit_ours(
        self,
        principal: Principal,
        service: str,
        name: str,
        params: Mapping[str, object],
        region: str,
    ) -> None:
        """Raise AwsError ``AccessDenied`` unless the principal may call an operation of ours."""
        if principal.access == "role":
            one = actions.of_ours(service, name, params, region)
            more = context.of_ecs(name, params, region, DEFAULT_ACCOUNT) if service == "ecs" else {}
            await self._by_policies(principal, one, region, more, context.tags_in(params))
            return
        mesh = str(params.get("meshName") or params.get("mesh") or "")
        asked = rules.Asked(service, name, mesh, str(params.get("service") or ""))
        if reason := rules.why_not(principal, asked):
            raise self._denied(principal, f"{service}:{name}", reason)

    async def permit_others(
        self, principal: Principal, service: str | None, request: Request, region: str
    ) -> None:
        """The same for an operation of another service."""
        name = operation(request)
        asked = rules.Asked(service or "", name)
        if principal.access != "role":
            if reason := rules.why_not(principal, asked):
                raise self._denied(principal, f"{service}:{name or request.path[:80]}", reason)
        elif name in _FOR_USERS and service == "sts" and ":role/" in principal.role:
            reason = f"{name} cannot be called with the credentials of a role"
            raise self._denied(principal, f"sts:{name}", reason)
        elif not rules.is_free(asked):
            for one in actions.of_others(service or "", request):
                await self._by_policies(principal, one, region)
            if name.startswith("AssumeRole"):
                await self._by_trust(principal, name, parameters(request), region)

    async def permit_page(self, principal: Principal, path: str) -> None:
        """The same for a page of ours, all of which only show something."""
        if principal.access == "role":
            raise self._denied(principal, path, "it is for people")

    async def _by_policies(
        self,
        principal: Principal,
        asked: policies.Asked,
        region: str,
        more: Context = NOTHING,
        tags: context.Tags | None = None,
    ) -> None:
        """``more`` is known of the request, and ``tags`` are in it; None if that is not known."""
        role = await self._role_of(principal.role)
        known = self._context(principal, role, region)
        of = partial(self._tags_of, asked.resources)
        known = context.with_tags({**known, **more}, _tags(principal, role), tags, of)
        documents, boundary = (role.documents, role.boundary) if role else ((), None)
        if reason := policies.why_not(documents, asked, known, boundary):
            on = f" on {', '.join(asked.resources)}" if asked.resources else ""
            raise self._denied(principal, asked.action + on, reason)

    async def _by_trust(
        self, principal: Principal, name: str, params: Mapping[str, str], region: str
    ) -> None:
        role = params.get("RoleArn", "")
        policy = await self._trust_of(role) if self._trust_of is not None else None
        asking = await self._role_of(principal.role)
        known = context.with_tags(
            {**self._context(principal, asking, region), **context.of_assuming(params)},
            _tags(principal, asking),
            None,
            lambda: None,
        )
        if reason := why_not_trusted(policy or {}, principal, f"sts:{name}", known):
            raise self._denied(principal, f"sts:{name} on {role[:200]}", reason)

    def _context(self, who: Principal, role: Role | None, region: str) -> Context:
        if role is None:
            return NOTHING
        return context.of_request(who, role.unique_id, role.arn, region, self._wall())

    def _denied(self, principal: Principal, action: str, reason: str) -> AwsError:
        self._refused(principal.name, action, reason)
        return AwsError(
            "AccessDenied",
            f"User: {principal.name} is not authorized to perform: {action} because {reason}",
            status=403,
        )


def _tags(who: Principal, role: Role | None) -> context.Tags | None:
    """Those of a role or user, if they are what its session has."""
    return None if role is None or who.tagged else role.tags


def _named(peer: Peer) -> str:
    """Whoever is at the other end, for the audit log."""
    if peer.uid is not None:
        return f"uid {peer.uid}"
    return peer.address or "unknown" if peer.is_remote else "unknown"
