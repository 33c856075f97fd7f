"""The gRPC service that Envoys stream their metrics to.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/metrics/v3/metrics_service.proto
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc

from tealmesh.model.errors import EnvoyForbidden, EnvoyUnknown
from tealmesh.model.identity.envoys import Admit, shown
from tealmesh.rollout.metrics import proto
from tealmesh.supervision.supervisor import Supervisor

if TYPE_CHECKING:
    from tealmesh.rollout.metrics.windows import Metrics


class MetricsServicer:
    """Passes what Envoys report to ``metrics``. Served beside ADS, by the same gRPC server.

    ``admit`` decides by ``authorization: Bearer TOKEN`` whose statistics they are: nobody reports
    another's. Answers UNAUTHENTICATED without a token, PERMISSION_DENIED for another Envoy's.
    """

    def __init__(
        self, metrics: Metrics, admit: Admit, supervisor: Supervisor | None = None
    ) -> None:
        self._metrics = metrics
        self._supervisor = supervisor or Supervisor()
        self._admit = admit
        self._readers: set[asyncio.Task[None]] = set()
        self._closing = False

    def close(self) -> None:
        """Cancel all streams ourselves: a stopping server logs a traceback for each that it has to
        cancel.
        """
        self._closing = True
        for reader in self._readers:
            reader.cancel()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Serve StreamMetrics on ``server``, which has not started yet."""
        service, method = proto.METHOD.strip("/").split("/")
        handler = grpc.stream_unary_rpc_method_handler(
            self._stream_metrics,
            request_deserializer=proto.StreamMetricsMessage.FromString,
            response_serializer=proto.StreamMetricsResponse.SerializeToString,
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {method: handler}),)
        )

    async def _stream_metrics(
        self, messages: AsyncIterator[proto.MetricsMessage], context: grpc.aio.ServicerContext
    ) -> Any:
        given = shown(context.invocation_metadata() or (), context.auth_context())
        if not self._admit.known(given):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong or no bearer token")
        reader = asyncio.create_task(self._read(messages, given))
        self._readers.add(reader)
        try:
            await asyncio.wait([reader])
        finally:
            reader.cancel()
            self._readers.discard(reader)
        if self._closing:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the control plane is stopping")
        try:
            await reader
        except EnvoyUnknown as error:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(error))
        except EnvoyForbidden as error:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
        return proto.StreamMetricsResponse()

    async def _read(self, messages: AsyncIterator[proto.MetricsMessage], given: str) -> None:
        identity = ""
        try:
            async for message in messages:
                # Only the first message of a stream identifies the Envoy.
                first = not identity
                if first:
                    identity = await self._identity(given, message.identifier.node)
                    self._metrics.connected(identity)
                # Envoy opens a new stream, and reports everything again.
                with self._supervisor.attempt("the reading of Envoys' metrics"):
                    self._metrics.report(identity, message.envoy_metrics, first)
                del message  # the next one may be long in coming
        finally:
            if identity:
                self._metrics.disconnected(identity)

    async def _identity(self, given: str, node: proto.Node) -> str:
        """The task whose Envoy reports; its node id where there is none."""
        fields = node.metadata.fields
        declared = fields["tealmesh"].struct_value.fields["task"].string_value if fields else ""
        return await self._admit.identify(given, node.id, declared) or str(node.id)
