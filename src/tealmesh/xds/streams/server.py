"""The aggregated discovery service over gRPC, in both variants of the protocol: who is let in, and
who has to go. What is said meanwhile is in `conversation`.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from functools import partial
from typing import TypeAlias

import grpc
from envoy.config.core.v3 import base_pb2

from tealmesh.envoy.bootstrap.bootstrap import proxy_of
from tealmesh.http2.call import OK, Call
from tealmesh.http2.server import Server
from tealmesh.http2.serving import Context, failed
from tealmesh.model.errors import (
    EnvoyForbidden,
    EnvoyUnknown,
    EnvoyUnverified,
    TealError,
    TooManyStreams,
)
from tealmesh.model.identity.envoys import CERTIFIED, Admit, shown
from tealmesh.supervision.supervisor import Attempts, Supervisor
from tealmesh.xds.protocol.reading import Reader
from tealmesh.xds.protocol.variants import VARIANTS, DiscoveryRequest, Variant
from tealmesh.xds.streams.cache import AdsCache
from tealmesh.xds.streams.connection import Connection
from tealmesh.xds.streams.conversation import Attended, Refused, Unattended
from tealmesh.xds.streams.limits import Limits, Seldom, source_of
from tealmesh.xds.streams.opening import (
    Admitted,
    Current,
    Opening,
    admitted_after,
    admitted_at_once,
    asks_sts,
    caught_up,
    declared,
    token_of,
    version_of,
)

log = logging.getLogger(__name__)

FIRST_REQUEST_SECONDS = 5.0
"""How long a stream without the header may take for a first request that has the token."""

_EXPECTED = (
    "the control plane expects the metadata 'authorization: Bearer TOKEN' with the token of this "
    "Envoy"
)

_REVIEWED_AT_ONCE = 100
_DRAIN_STEP_SECONDS = 0.1

SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"

Serve: TypeAlias = Callable[
    [AsyncIterator[DiscoveryRequest], grpc.aio.ServicerContext], Awaitable[None]
]


class AdsServicer:
    """Serves ``cache`` to Envoys that ``admit`` lets in by ``Authorization: Bearer TOKEN``.

    gRPC's own xDS clients cannot send this header: they carry the token in their node's metadata,
    ``tealmesh.token``. Answers UNAUTHENTICATED without a token, PERMISSION_DENIED for the token of
    another Envoy and for what its role may not have, UNAVAILABLE if nobody can say that,
    INVALID_ARGUMENT for a node that names no resource of a mesh or that changes its id during the
    stream and for types that do not exist, RESOURCE_EXHAUSTED for too many streams. An Envoy sees
    only the resources of its own node.
    """

    def __init__(
        self,
        cache: AdsCache,
        admit: Admit,
        supervisor: Supervisor | None = None,
        current: Current | None = None,
    ) -> None:
        """``current``: None for a control plane that is alone."""
        self._cache = cache
        self._current = current
        self._supervisor = supervisor or Supervisor()
        self._admit = admit
        self._limits = Limits()
        self._readers = {variant.delta: Reader(variant) for variant in VARIANTS.values()}
        self._refusals = Seldom(cache.clock)
        self._connections: dict[Connection, Admitted] = {}
        self._closing = False

    def add_to(self, server: grpc.aio.Server | Server) -> None:
        """Register both methods. The cache returns serialized responses; gRPC sends them as is."""
        handlers = {
            name: grpc.stream_stream_rpc_method_handler(
                self._handler(variant),
                request_deserializer=variant.message.FromString,
                response_serializer=None,
            )
            for name, variant in VARIANTS.items()
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        if isinstance(server, Server):
            for name, variant in VARIANTS.items():
                begin = partial(self._begin, variant, server.serve)
                server.add_direct(f"/{SERVICE}/{name}", begin)

    async def review(self) -> None:
        """Ask of every Envoy that is connected whether it still may be. The streams of those that
        may not end; where nobody can say at present they go on.
        """
        for number, (connection, one) in enumerate(list(self._connections.items())):
            try:
                await self._admit.admit(one.given, one.node_id, one.declared, one.since)
            except EnvoyUnverified as error:
                self._refusals.warn(str(error))
            except (EnvoyUnknown, EnvoyForbidden) as error:
                connection.end(error)
            if number % _REVIEWED_AT_ONCE == 0:
                await asyncio.sleep(0)

    @property
    def streams(self) -> int:
        """How many are open."""
        return len(self._connections)

    async def drain(self, seconds: float) -> None:
        """End all streams, evenly over so many seconds: each Envoy connects again elsewhere, where
        thousands at once would wait. The server takes no new connections any more.
        """
        self._closing = True
        end = self._cache.clock() + seconds
        while self._connections and (left := end - self._cache.clock()) > 0:
            steps = max(1, math.ceil(left / _DRAIN_STEP_SECONDS))
            for connection in list(self._connections)[: math.ceil(self.streams / steps)]:
                connection.end()
            await asyncio.sleep(min(left, _DRAIN_STEP_SECONDS))
        self.close()

    def close(self) -> None:
        """End every stream, so that the server need not wait for Envoys to hang up."""
        self._closing = True
        for connection in list(self._connections):
            connection.end()

    def shed(self, count: int) -> None:
        """End the connections of so many Envoys, those that have been here for longest first, so
        that they connect again, perhaps elsewhere. An Envoy whose stream alone ends would come back
        by the same connection.
        """
        going = list(self._connections.values())[:count]
        for one in going:
            if one.call is not None:  # gRPC's own server cannot do that
                one.call.connection.abort()
        log.info("%d Envoys were let go, since others serve them better", len(going))

    def _handler(self, variant: Variant) -> Serve:
        async def serve(
            requests: AsyncIterator[DiscoveryRequest], context: grpc.aio.ServicerContext
        ) -> None:
            try:
                await self._serve(variant, requests, context)
            except (Refused, TooManyStreams) as error:
                await context.abort(*self._status(error, context.peer()))

        return serve

    def _status(self, error: Refused | TooManyStreams, peer: str) -> tuple[grpc.StatusCode, str]:
        """By which a stream is refused, or ends."""
        if not self._closing:
            self._refusals.warn(f"refused {peer}: {error}")
        if isinstance(error, Refused):
            return error.code, error.message
        return grpc.StatusCode.RESOURCE_EXHAUSTED, str(error)

    def _begin(self, variant: Variant, serve: Callable[[Call], None], call: Call) -> bool:
        """Take up a call without a task, if its headers say whose it is and nobody else has to be
        asked; ``serve`` has a task serve it after all.
        """
        given = shown(call.metadata, call.connection.authenticated())
        if self._current is not None or not given or not self._admit.known(given):
            return False
        call.handler = Opening(call, partial(self._open, variant, serve, call, given))
        return True

    def _open(
        self,
        variant: Variant,
        serve: Callable[[Call], None],
        call: Call,
        given: str,
        message: bytes,
    ) -> None:
        """The first message of a call."""
        try:
            first = variant.message.FromString(message)
            identity = admitted_at_once(self._admit, given, first.node)
            if identity is None:
                serve(call)
                call.handler.message(message)
                return
            admitted = self._admitted(identity, given, first.node, call.connection.peer, call)
            heard = self._readers[variant.delta].heard(first)
            with self._limits.beginning(admitted.identity):
                connection = self._connect(variant, first.node, admitted)
            stream = self._unattended(connection, call)
            stream.begin(heard)
            call.handler = stream
            call.connection.after.append(stream.answer)
        except Exception as error:  # noqa: BLE001 - it must not end the connection of other calls
            self._fail(call, error)

    def _admitted(
        self, identity: str, given: str, node: base_pb2.Node, peer: str, call: Call | None
    ) -> Admitted:
        name, now = identity or f"{node.id}@{peer}", self._cache.clock()
        return Admitted(name, given, node.id, declared(node), now, call)

    def _unattended(self, connection: Connection, call: Call) -> Unattended:
        reader = self._readers[connection.session.delta]
        return Unattended(call, reader, connection, self._attempt(connection), self._over)

    def _attempt(self, connection: Connection) -> Attempts:
        # An Envoy whose stream ends by an error keeps what it has and connects again.
        name = f"the configuration of {connection.envoy.proxy.resource}"
        return self._supervisor.attempts(name)

    def _over(self, connection: Connection, error: Exception | None) -> None:
        """A stream that no task attends to has ended: end its call."""
        call = self._leave(connection).call
        if call is None or call.done:
            return
        if error is None and self._closing:
            error = _stopping()
        if error is None:
            call.finish(OK)
        else:
            self._fail(call, error)

    def _fail(self, call: Call, error: Exception) -> None:
        if isinstance(error, Refused | TooManyStreams):
            code, message = self._status(error, call.connection.peer)
            call.finish(code.value[0], message)
        else:
            failed(call, error)

    def _leave(self, connection: Connection) -> Admitted:
        """Keep nothing of a stream that has ended, but what its Envoy holds."""
        admitted = self._connections.pop(connection)
        self._limits.leave(admitted.identity)
        connection.close()
        log.info("%s disconnected", connection.envoy.id)
        return admitted

    async def _first(
        self, requests: AsyncIterator[DiscoveryRequest], context: grpc.aio.ServicerContext
    ) -> tuple[str, DiscoveryRequest] | None:
        """The token of a stream and its first request; None when it ended without one."""
        given = shown(context.invocation_metadata() or (), context.auth_context())
        known = bool(given) and self._admit.known(given)
        if given and not known and not given.startswith(CERTIFIED):
            raise Refused(grpc.StatusCode.UNAUTHENTICATED, _EXPECTED)
        if known:
            first = await anext(aiter(requests), None)
            return None if first is None else (given, first)
        with self._limits.unknown(source_of(context.peer())):
            try:
                first = await asyncio.wait_for(anext(aiter(requests), None), FIRST_REQUEST_SECONDS)
            except TimeoutError:
                raise Refused(grpc.StatusCode.UNAUTHENTICATED, _EXPECTED) from None
        return None if first is None else (token_of(first.node) or given, first)

    async def _serve(
        self,
        variant: Variant,
        requests: AsyncIterator[DiscoveryRequest],
        context: grpc.aio.ServicerContext,
    ) -> None:
        begun = await self._first(requests, context)
        if begun is None:
            return
        given, first = begun
        node = first.node
        # To ask STS takes time, and is done for anybody.
        slow = self._limits.unknown(source_of(context.peer())) if asks_sts(given) else nullcontext()
        with slow:
            identity = await admitted_after(self._admit, given, node)
        call = context.call if isinstance(context, Context) else None
        admitted = self._admitted(identity, given, node, context.peer(), call)
        heard = self._readers[variant.delta].heard(first)
        with self._limits.beginning(admitted.identity):
            if self._current is not None:
                await caught_up(self._current, heard.request, context)
            connection = self._connect(variant, node, admitted)
        # A node names some 500 extensions: it is not kept for as long as the stream lasts.
        del begun, first, node
        if isinstance(context, Context):
            stream = self._unattended(connection, context.call)
            stream.begin(heard)
            context.hand_over(stream)
            stream.answer()
            return
        try:
            reader, attempt = self._readers[variant.delta], self._attempt(connection)
            await Attended(reader, connection, context, attempt).run(heard, requests)
        finally:
            self._leave(connection)
        if self._closing:
            raise _stopping()

    def _connect(self, variant: Variant, node: base_pb2.Node, admitted: Admitted) -> Connection:
        try:
            proxy = proxy_of(node)
        except (TealError, ValueError) as error:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from error
        identity = admitted.identity
        log.info("%s connected as %s", identity, proxy.resource)
        connection = self._cache.connect(identity, node.id, proxy, delta=variant.delta)
        connection.envoy.version = version_of(node)
        self._connections[connection] = admitted
        return connection


def _stopping() -> Refused:
    return Refused(grpc.StatusCode.UNAVAILABLE, "the control plane is stopping")
