"""The HTTP port: every AWS API, and our own pages under ``/_teal/``.

A request for one of our services goes guard → identify → claim (who is that?) → codec → permission
→ validation → the service's method → codec; any other goes guard → identify → claim → permission
→ moto. Nothing is answered in HTML, which SDKs cannot
read: the Go SDK retries an HTML 404 for minutes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse
from starlette.responses import Response as HttpResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tealmesh.aws import guard
from tealmesh.aws.callers import shapes
from tealmesh.aws.callers.front import LISTENED, Front
from tealmesh.aws.calls import Permit, call
from tealmesh.aws.guard import refuse_unsigned_change
from tealmesh.aws.signing import Identity, identify
from tealmesh.aws.wire import codec
from tealmesh.aws.wire.apimodel import Model
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.model.clock import NewId, random_id, system_clock
from tealmesh.model.errors import AwsError
from tealmesh.model.identity import answering
from tealmesh.model.identity.answering import Answering
from tealmesh.model.identity.caller import Caller, Principal, speaking
from tealmesh.model.plane import leases
from tealmesh.model.rollout import fencing

log = logging.getLogger(__name__)

API_BODY_LIMIT_BYTES = 1 << 20
"""The largest request body for our own services; a full task definition is below 64 KiB."""

MOTO_BODY_LIMIT_BYTES = 128 << 20
"""The largest request body for another service: moto keeps S3 objects in memory anyway."""


UNKNOWN_BODY_LIMIT_BYTES = 1 << 20
"""The largest request body of a caller whose signature can be verified only with it."""

NO_ALIASES: Mapping[str, str] = {}
_HEALTH = "/_teal/health"
_HEALTH_OF_ALL = ("status", "version", "revision", "serverId", "replica", "database")

Leased = Callable[[str], AbstractContextManager[None]]
"""The header of `model.plane.leases`, or nothing -> what the writes of a request are made in.
Raises AwsError for a header that cannot be.
"""


Observe = Callable[[Answering, int, float, float], None]
"""Told of each call that was answered: its HTTP status, when it came (epoch seconds), and how long
it took (seconds)."""


class Fallback(Protocol):
    """Answers for the services that are not ours: `aws.moto.backend.Moto`."""

    async def answer(self, request: Request, service: str | None, request_id: str) -> Response:
        """Answer ``request``; does not raise for mistakes of the caller."""
        ...


def build_gateway(
    services: Mapping[str, object],
    models: Mapping[str, Model],
    health: Callable[[], Mapping[str, Any]],
    moto: Fallback | None = None,
    *,
    routes: Sequence[BaseRoute] = (),
    allowed_hosts: Collection[str] = (),
    open_paths: Collection[str] = (),
    loopback_paths: Collection[str] = (),
    certified: Callable[[str], bool] = lambda host: False,
    front: Front | None = None,
    aliases: Mapping[str, str] = NO_ALIASES,
    observe: Observe = lambda call, status, at, seconds: None,
    new_id: NewId = random_id,
    leased: Leased = lambda token: nullcontext(),
    fresh: Callable[[], Awaitable[object]] | None = None,
) -> ASGIApp:
    """The ASGI application of the control plane's port.

    ``services`` and ``models`` are by service name (``appmesh``). A service has one method per
    operation, ``async def create_mesh(self, caller, request) -> dict``; an operation without a
    method is refused by name. ``health`` returns the members of ``GET /_teal/health``; ``routes``
    are further routes below ``/_teal/``. ``allowed_hosts`` are accepted in the Host header besides
    the names of loopback. Of ``routes``, those that begin with one of ``open_paths`` ask for
    credentials of their own, and those that begin with one of ``loopback_paths`` do not exist
    for whom is connected beyond loopback. ``certified`` tells whether our certificate is for a name
    or an address, which the Host header may then have. Without ``moto``, other services are refused
    by name; without a ``front``, nobody asks who calls, which is for tests. ``aliases`` are further
    paths of pages, and ``observe`` is told of each call. ``leased`` takes the header of
    `model.plane.leases`: in its context, each write checks that the lease is still held.
    ``fresh`` is awaited before each operation of ours: what another replica has answered is known
    then.
    """

    async def show_health(request: HttpRequest) -> HttpResponse:
        shown = dict(health())
        if (request.scope.get("state") or {}).get(LISTENED):
            # A load balancer asks it. What the machine is like is nobody else's business.
            shown = {name: shown[name] for name in _HEALTH_OF_ALL if name in shown}
        return JSONResponse(shown, headers={"cache-control": "no-store"})

    async def refuse(request: HttpRequest, error: Exception) -> HttpResponse:
        status = error.status_code if isinstance(error, HTTPException) else 500
        text = error.detail if isinstance(error, HTTPException) else "internal error"
        return JSONResponse({"__type": "HttpError", "message": text}, status)

    app = Starlette(
        routes=[Route(_HEALTH, show_health, methods=["GET"]), *routes],
        exception_handlers={HTTPException: refuse, Exception: refuse},
    )
    app.router.redirect_slashes = False
    app.router.default = _AwsEndpoint(services, models, moto, front, observe, new_id, leased, fresh)
    opened = (_HEALTH, *open_paths)
    guarded = _Guard(app, _Hosts(frozenset(allowed_hosts), certified), opened, front)
    return _Inner(guarded, tuple(loopback_paths), aliases)


class _Inner:
    """Hides some pages from those who are connected beyond loopback, and knows other paths of
    some.
    """

    def __init__(self, app: ASGIApp, paths: tuple[str, ...], aliases: Mapping[str, str]) -> None:
        self._app = app
        self._paths = paths
        self._aliases = aliases

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (other := self._aliases.get(scope["path"])):
            scope = {**scope, "path": other, "raw_path": other.encode()}
        listened = scope["type"] == "http" and (scope.get("state") or {}).get(LISTENED)
        if listened and scope["path"].startswith(self._paths):
            error = AwsError("UnknownOperationException", "no such page", status=404)
            await _send(codec.serialize_error(None, error), send)
            return
        await self._app(scope, receive, send)


class _Hosts:
    """The names that the Host header may have besides those of loopback."""

    def __init__(self, allowed: frozenset[str], certified: Callable[[str], bool]) -> None:
        self._allowed = allowed
        self._certified = certified

    def of(self, scope: Scope, host: str) -> frozenset[str]:
        """For one request. The address that it was sent to is no name that a foreign page could
        have, and a foreign page has no certificate of ours.
        """
        name = guard.without_port(host).lower()
        if not (scope.get("state") or {}).get(LISTENED):
            return self._allowed
        address = str((scope.get("server") or ("",))[0]).removeprefix("::ffff:")
        ours = name.strip("[]") == address or self._certified(name)
        return self._allowed | {name} if ours and name else self._allowed


class _Guard:
    """Refuses requests from foreign web pages before anything else sees them, and pages of ours to
    whom they are not for.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: _Hosts,
        open_paths: tuple[str, ...],
        front: Front | None,
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._open_paths = open_paths
        self._front = front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            head = _head(scope)
            hosts = self._hosts.of(scope, head.headers.get("host", ""))
            reason = guard.refusal(head.method, scope["path"], head.headers, hosts, head.query)
            if sum(name == b"host" for name, _ in scope["headers"]) > 1:
                reason = "a request must have one Host header"
            if reason is not None:
                log.warning("refused %s: %s", scope["method"], reason)
                error = AwsError("AccessDeniedException", reason, status=403)
                await _send(codec.serialize_error(None, error), send)
                return
            if self._front is not None and self._is_closed(scope["path"]):
                try:
                    await self._admit(self._front, head, scope)
                except AwsError as error:
                    await _send(codec.serialize_error(None, error), send)
                    return
        await self._app(scope, receive, send)

    def _is_closed(self, path: str) -> bool:
        # The page itself has nothing in it: what it shows, it asks for with its session.
        ours = path.startswith("/_teal/") and path != "/_teal/"
        return ours and not path.startswith(self._open_paths)

    async def _admit(self, front: Front, head: Request, scope: Scope) -> None:
        key_id = identify(head, (), "").access_key
        claim = front.claim(head, key_id, scope.get("state") or {}, await front.of_iam(key_id))
        claim.finish(b"")
        await front.permit_page(claim.principal, scope["path"])


class _AwsEndpoint:
    """Answers every path that is not one of our own pages."""

    def __init__(
        self,
        services: Mapping[str, object],
        models: Mapping[str, Model],
        moto: Fallback | None,
        front: Front | None,
        observe: Observe,
        new_id: NewId,
        leased: Leased,
        fresh: Callable[[], Awaitable[object]] | None,
    ) -> None:
        self._leased = leased
        self._fresh = fresh
        self._services = services
        self._models = models
        self._moto = moto
        self._front = front
        self._observe = observe
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        request_id = _uuid(self._new_id())
        at, started = system_clock(), time.perf_counter()
        head = _head(scope)
        call = Answering(request_id, head.headers.get("traceparent", ""))
        token = answering.current.set(call)
        try:
            response = await self._answer(head, scope.get("state") or {}, receive, request_id)
        except AwsError as error:
            response = codec.serialize_error(None, error, request_id)
        except _Disconnected:
            return
        finally:
            answering.current.reset(token)
        seconds = time.perf_counter() - started
        target = head.headers.get("x-amz-target", head.path)
        log.debug("%s %s %s %.1f ms", head.method, target, response.status, seconds * 1000)
        await _send(response, send)
        self._observe(call, response.status, at, seconds)

    async def _answer(
        self, head: Request, state: Mapping[str, object], receive: Receive, request_id: str
    ) -> Response:
        if head.path.startswith("/_teal/"):
            raise AwsError("UnknownOperationException", f"no page {head.path[:200]}", status=404)
        identity = identify(head, self._models.values(), request_id)
        model = self._models.get(identity.service or "")
        limit = API_BODY_LIMIT_BYTES if model is not None else MOTO_BODY_LIMIT_BYTES
        if self._front is None:
            return await self._dispatch(await _read(head, receive, limit), identity, request_id)
        principal: Principal | None = None
        try:
            of_iam = await self._front.of_iam(identity.access_key)
            claim = self._front.claim(head, identity.access_key, state, of_iam)
            refuse_unsigned_change(head, signed=claim.signed)
            if not claim.verified:
                limit = min(limit, UNKNOWN_BODY_LIMIT_BYTES)
            request = await _read(head, receive, limit)
            claim.finish(request.body)
            principal = claim.principal
            self._front.spend(claim)
            if model is None:
                region = identity.caller.region
                await self._front.permit_others(principal, identity.service, request, region)
        except AwsError as error:
            if principal is None and error.status == 403:
                self._front.tell(identity.access_key, head, error)
            return shapes.refusal(error, identity.service, head, request_id)
        token = speaking.set(principal)
        try:
            caller = replace(identity.caller, actor=principal.name, principal=principal)
            named = replace(identity, caller=caller)
            return await self._dispatch(request, named, request_id)
        finally:
            speaking.reset(token)

    async def _dispatch(self, request: Request, identity: Identity, request_id: str) -> Response:
        model = self._models.get(identity.service or "")
        if (call_of := answering.current.get()) is not None:
            call_of.service, call_of.actor = identity.service or "", identity.caller.actor
        if model is not None:
            api = self._services.get(model.service)
            fence = request.headers.get(fencing.HEADER.lower(), "")
            if self._fresh is not None:
                await self._fresh()
            lease = self._leased(request.headers.get(leases.HEADER.lower(), ""))
            with fencing.within(fencing.demanded, fence), lease:
                return await call(model, api, request, identity.caller, self._permit(model))
        if self._moto is None:
            raise AwsError(
                "UnknownOperationException",
                f"this control plane answers for {', '.join(self._models)} only, "
                f"not for {identity.service or 'an unsigned request to ' + request.path[:200]}",
                status=404,
            )
        return await self._moto.answer(request, identity.service, request_id)

    def _permit(self, model: Model) -> Permit:
        front = self._front

        async def permit(caller: Caller, name: str, params: Mapping[str, object]) -> None:
            if front is not None and caller.principal is not None:
                service, region = model.service, caller.region
                await front.permit_ours(caller.principal, service, name, params, region)

        return permit


class _Disconnected(Exception):
    """The caller disconnected while sending the body: there is nobody to answer."""


async def _read(head: Request, receive: Receive, limit: int) -> Request:
    return replace(head, body=await _read_body(receive, head.headers, limit))


async def _read_body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    too_large = AwsError(
        "RequestEntityTooLargeException", f"a request body may have {limit} bytes", status=413
    )
    declared = headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise too_large
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _send(response: Response, send: Send) -> None:
    headers = dict(response.headers)
    headers.setdefault("content-length", str(len(response.body)))
    raw = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    await send({"type": "http.response.body", "body": response.body})


def _head(scope: Scope) -> Request:
    """The request without its body."""
    return Request(
        scope["method"],
        (scope.get("raw_path") or scope["path"].encode()).decode("latin-1"),
        scope["query_string"].decode("latin-1"),
        _headers(scope),
        b"",
    )


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _uuid(text: str) -> str:
    """A request id in AWS's form: a UUID with dashes."""
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
