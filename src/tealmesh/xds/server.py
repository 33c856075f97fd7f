"""The aggregated discovery service over gRPC: both variants, one task and one writer a stream."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import grpc
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf import json_format

from tealmesh.envoy.bootstrap.bootstrap import proxy_of
from tealmesh.model.errors import TealError
from tealmesh.xds.cache import AdsCache, Connection
from tealmesh.xds.subscription import Request

log = logging.getLogger(__name__)

INTRODUCTION = 5.0
"""Seconds that a stream without the header has for a first request with the token."""

SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"


class _Refused(Exception):
    """The stream cannot be served; the message is for whoever runs the Envoy."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class _Variant:
    """What tells the two variants of the protocol apart on the wire."""

    delta: bool
    message: Any
    parse: Callable[[Any], Request]


class AdsServicer:
    """Serves ``cache`` to Envoys that present ``Authorization: Bearer TOKEN``; with None to all.

    gRPC's own xDS clients can send no such header: they have the token in their node's metadata,
    ``tealmesh.token``. Answers UNAUTHENTICATED without the token, INVALID_ARGUMENT for a node that
    names no resource of a mesh or changes its name on the way. An Envoy sees only the resources of
    its own node.
    """

    def __init__(self, cache: AdsCache, token: str | None) -> None:
        self._cache = cache
        self._token = None if token is None else f"Bearer {token}".encode()
        self._connections: set[Connection] = set()
        self._closing = False

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register both methods. Responses leave the cache serialized and pass as they are."""
        variants = {
            "StreamAggregatedResources": _Variant(
                False, discovery_pb2.DiscoveryRequest, _sotw_request
            ),
            "DeltaAggregatedResources": _Variant(
                True, discovery_pb2.DeltaDiscoveryRequest, _delta_request
            ),
        }
        handlers = {
            name: grpc.stream_stream_rpc_method_handler(
                self._handler(variant),
                request_deserializer=variant.message.FromString,
                response_serializer=None,
            )
            for name, variant in variants.items()
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))

    def close(self) -> None:
        """End every stream, so that the server need not wait for Envoys to hang up."""
        self._closing = True
        for connection in self._connections:
            connection.end()

    def _handler(self, variant: _Variant) -> Callable[[Any, Any], Any]:
        async def serve(requests: AsyncIterator[Any], context: Any) -> None:
            try:
                await self._serve(variant, requests, context)
            except _Refused as refused:
                if not self._closing:
                    log.warning("refused %s: %s", context.peer(), refused.message)
                await context.abort(refused.code, refused.message)

        return serve

    async def _first(self, requests: AsyncIterator[Any], context: Any) -> Any:
        """The first request of a stream that may be served; None when there is none."""
        given = dict(context.invocation_metadata() or ()).get("authorization")
        if given is not None or self._token is None:
            self._check(given if isinstance(given, bytes) else (given or "").encode())
            return await anext(aiter(requests), None)
        try:
            first = await asyncio.wait_for(anext(aiter(requests), None), INTRODUCTION)
        except TimeoutError:
            first = None
        self._check(b"" if first is None else _token_of(first.node))
        return first

    def _check(self, given: bytes) -> None:
        if self._token is not None and not hmac.compare_digest(given, self._token):
            raise _Refused(
                grpc.StatusCode.UNAUTHENTICATED,
                "the control plane expects the metadata 'authorization: Bearer TOKEN' with its "
                "own token",
            )

    async def _serve(self, variant: _Variant, requests: AsyncIterator[Any], context: Any) -> None:
        first = await self._first(requests, context)
        if first is None:
            return
        connection = self._connect(variant, first.node, context.peer())
        self._connections.add(connection)
        reader = asyncio.create_task(_read(variant, first, requests, connection))
        try:
            await _write(connection, context)
            if reader.done():
                await reader
        finally:
            reader.cancel()
            self._connections.discard(connection)
            connection.close()
            log.info("%s disconnected", connection.envoy.id)
        if self._closing:
            raise _Refused(grpc.StatusCode.UNAVAILABLE, "the control plane is stopping")

    def _connect(self, variant: _Variant, node: Any, peer: str) -> Connection:
        try:
            proxy = proxy_of(node)
        except (TealError, ValueError) as error:
            raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from error
        metadata = json_format.MessageToDict(node.metadata).get("tealmesh", {})
        identity = metadata.get("task") or f"{node.id}@{peer}"
        log.info("%s connected as %s", identity, proxy.resource)
        return self._cache.connect(identity, node.id, proxy, delta=variant.delta)


def _token_of(node: Any) -> bytes:
    """The token in a node's metadata, as the header would have it."""
    found = node.metadata.fields["tealmesh"].struct_value.fields["token"].string_value
    return f"Bearer {found}".encode()


async def _write(connection: Connection, context: Any) -> None:
    """The stream's only writer: two writes at once fail a grpc.aio stream."""
    while not connection.ended:
        message = connection.next()
        if message is None:
            await connection.wait()
        else:
            await context.write(message)


async def _read(
    variant: _Variant, first: Any, requests: AsyncIterator[Any], connection: Connection
) -> None:
    try:
        connection.request(first.type_url, variant.parse(first))
        async for message in requests:
            if message.node.id and message.node.id != connection.envoy.node_id:
                raise _Refused(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    f"node id {message.node.id!r}: must stay {connection.envoy.node_id!r} for "
                    "the whole stream",
                )
            connection.request(message.type_url, variant.parse(message))
    finally:
        connection.end()


def _sotw_request(message: Any) -> Request:
    return Request(
        nonce=message.response_nonce,
        error=_error(message),
        names=tuple(message.resource_names),
        version=message.version_info,
    )


def _delta_request(message: Any) -> Request:
    return Request(
        nonce=message.response_nonce,
        error=_error(message),
        subscribe=tuple(message.resource_names_subscribe),
        unsubscribe=tuple(message.resource_names_unsubscribe),
        initial_versions=dict(message.initial_resource_versions),
    )


def _error(message: Any) -> str | None:
    return message.error_detail.message if message.HasField("error_detail") else None
