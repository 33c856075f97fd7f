"""The aggregated discovery service over gRPC, in both variants of the protocol: who is let in, and
who has to go. What is said meanwhile is in `conversation`.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import grpc
from envoy.config.core.v3 import base_pb2

from tealmesh.envoy.bootstrap.bootstrap import proxy_of
from tealmesh.http2.serving import Context
from tealmesh.model.errors import (
    EnvoyForbidden,
    EnvoyUnknown,
    EnvoyUnverified,
    TealError,
    TooManyStreams,
)
from tealmesh.model.identity.envoys import CERTIFIED, SCHEME, Admit, shown
from tealmesh.model.identity.presigned import is_proof
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.xds.protocol.exchange import Request
from tealmesh.xds.protocol.reading import Heard, Reader
from tealmesh.xds.protocol.variants import VARIANTS, DiscoveryRequest, Variant
from tealmesh.xds.streams.cache import AdsCache
from tealmesh.xds.streams.connection import Connection
from tealmesh.xds.streams.conversation import Conversation, Refused, as_status
from tealmesh.xds.streams.limits import Limits, Seldom, source_of

log = logging.getLogger(__name__)

FIRST_REQUEST_SECONDS = 5.0
"""How long a stream without the header may take for a first request that has the token."""

_EXPECTED = (
    "the control plane expects the metadata 'authorization: Bearer TOKEN' with the token of this "
    "Envoy"
)

_LONGEST_VERSION = 40
_REVIEWED_AT_ONCE = 100
_DRAIN_STEP_SECONDS = 0.1

SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"

Current: TypeAlias = Callable[[bool], Awaitable[None]]
"""Returns once an Envoy that connects now gets nothing older here than anywhere else; given whether
it holds something already. Raises Behind."""
Serve: TypeAlias = Callable[
    [AsyncIterator[DiscoveryRequest], grpc.aio.ServicerContext], Awaitable[None]
]


@dataclass(frozen=True)
class _Stream:
    """What belongs to an open stream."""

    again: Callable[[], Awaitable[str]]
    """Asks anew whether it may go on."""
    context: grpc.aio.ServicerContext
    """Our own server's (`http2.serving`) can end the whole connection."""


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
        self._connections: dict[Connection, _Stream] = {}
        self._closing = False

    def add_to(self, server: grpc.aio.Server) -> None:
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

    async def review(self) -> None:
        """Ask of every Envoy that is connected whether it still may be. The streams of those that
        may not end; where nobody can say at present they go on.
        """
        for number, (connection, stream) in enumerate(list(self._connections.items())):
            try:
                await stream.again()
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
        for connection in self._connections:
            connection.end()

    def shed(self, count: int) -> None:
        """End the connections of so many Envoys, those that have been here for longest first, so
        that they connect again, perhaps elsewhere. An Envoy whose stream alone ends would come back
        by the same connection.
        """
        going = list(self._connections.values())[:count]
        for stream in going:
            stream.context.hang_up()
        log.info("%d Envoys were let go, since others serve them better", len(going))

    def _handler(self, variant: Variant) -> Serve:
        async def serve(
            requests: AsyncIterator[DiscoveryRequest], context: grpc.aio.ServicerContext
        ) -> None:
            try:
                await self._serve(variant, requests, context)
            except Refused as refused:
                if not self._closing:
                    self._refusals.warn(f"refused {context.peer()}: {refused.message}")
                await context.abort(refused.code, refused.message)
            except TooManyStreams as error:
                self._refusals.warn(f"refused {context.peer()}: {error}")
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))

        return serve

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
        return None if first is None else (_token_of(first.node) or given, first)

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
        admit = partial(self._admit.admit, given, node.id, _declared(node))
        # To ask STS takes time, and is done for anybody.
        slow = (
            self._limits.unknown(source_of(context.peer())) if _asks_sts(given) else nullcontext()
        )
        with slow:
            identity = await _admitted(admit) or f"{node.id}@{context.peer()}"
        again = partial(admit, self._cache.clock())
        with self._limits.known(identity):
            if self._current is not None:
                await _caught_up(self._current, variant.parse(first), context)
            connection = self._connect(variant, node, identity)
            self._connections[connection] = _Stream(again, context)
            heard = self._readers[variant.delta].heard(first)
            # A node names some 500 extensions: it is not kept for as long as the stream lasts.
            del begun, first, node
            await self._converse(heard, requests, connection, context)
        if self._closing:
            raise Refused(grpc.StatusCode.UNAVAILABLE, "the control plane is stopping")

    async def _converse(
        self,
        first: Heard,
        requests: AsyncIterator[DiscoveryRequest],
        connection: Connection,
        context: grpc.aio.ServicerContext,
    ) -> None:
        # An Envoy whose stream ends by an error keeps what it has and connects again.
        name = f"the configuration of {connection.envoy.proxy.resource}"
        attempt = self._supervisor.attempts(name)
        reader = self._readers[connection.session.delta]
        try:
            await Conversation(reader, connection, context, attempt).run(first, requests)
        finally:
            self._connections.pop(connection, None)
            connection.close()
            log.info("%s disconnected", connection.envoy.id)

    def _connect(self, variant: Variant, node: base_pb2.Node, identity: str) -> Connection:
        try:
            proxy = proxy_of(node)
        except (TealError, ValueError) as error:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from error
        log.info("%s connected as %s", identity, proxy.resource)
        connection = self._cache.connect(identity, node.id, proxy, delta=variant.delta)
        connection.envoy.version = version_of(node)
        return connection


async def _admitted(admit: Callable[[], Awaitable[str]]) -> str:
    """The name of an Envoy; empty for none but its node."""
    try:
        return await admit()
    except TealError as error:
        raise as_status(error) from error


async def _caught_up(
    current: Current, first: Request, context: grpc.aio.ServicerContext | Context
) -> None:
    """Raises Refused if this replica cannot serve the Envoy, which then connects elsewhere: by the
    same connection it would come back.
    """
    try:
        await current(bool(first.version or first.initial_versions))
    except TealError as error:
        if isinstance(context, Context):
            context.leave()
        raise as_status(error) from error


def _asks_sts(given: str) -> bool:
    return is_proof(given.removeprefix(SCHEME))


def _declared(node: base_pb2.Node) -> str:
    """The task that an Envoy says to be of."""
    return str(node.metadata.fields["tealmesh"].struct_value.fields["task"].string_value)


def version_of(node: base_pb2.Node) -> str:
    """Envoy's version in a node, such as ``1.36.2``, with what its builder adds to it; empty where
    it tells none. https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/base.proto
    """
    if not node.HasField("user_agent_build_version"):
        return str(node.user_agent_version)[:_LONGEST_VERSION]
    number = node.user_agent_build_version.version
    return f"{number.major_number}.{number.minor_number}.{number.patch}"


def _token_of(node: base_pb2.Node) -> str:
    """The token in a node's metadata, in the form of the header."""
    token = node.metadata.fields["tealmesh"].struct_value.fields["token"].string_value
    return f"{SCHEME}{token}" if token else ""
