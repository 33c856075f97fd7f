"""The gRPC service that Envoys stream their metrics to.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/metrics/v3/metrics_service.proto
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

import grpc

from tealmesh.rollout.metrics import proto
from tealmesh.supervision.supervisor import Supervisor

if TYPE_CHECKING:
    from tealmesh.rollout.metrics.windows import Metrics


class MetricsServicer:
    """Passes what Envoys report to ``metrics``. Served beside ADS, by the same gRPC server.

    ``token``: callers must send ``authorization: Bearer TOKEN``; empty lets every caller in.
    """

    def __init__(self, metrics: Metrics, token: str, supervisor: Supervisor | None = None) -> None:
        self._metrics = metrics
        self._supervisor = supervisor or Supervisor()
        self._expected = f"Bearer {token}".encode() if token else b""
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
        if not self._authorised(context.invocation_metadata()):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong or no bearer token")
        reader = asyncio.create_task(self._read(messages))
        self._readers.add(reader)
        try:
            await asyncio.wait([reader])
        finally:
            reader.cancel()
            self._readers.discard(reader)
        if self._closing:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the control plane is stopping")
        await reader
        return proto.StreamMetricsResponse()

    async def _read(self, messages: AsyncIterator[proto.MetricsMessage]) -> None:
        identity = ""
        try:
            async for message in messages:
                # Only the first message of a stream identifies the Envoy.
                first = not identity
                if first:
                    identity = _identity(message.identifier.node)
                    self._metrics.connected(identity)
                # Envoy opens a new stream, and reports everything again.
                with self._supervisor.attempt("the reading of Envoys' metrics"):
                    self._metrics.report(identity, message.envoy_metrics, first)
        finally:
            if identity:
                self._metrics.disconnected(identity)

    def _authorised(self, metadata: Sequence[tuple[str, str | bytes]]) -> bool:
        if not self._expected:
            return True
        given = next((value for name, value in metadata if name == "authorization"), "")
        text = given if isinstance(given, bytes) else given.encode()
        return hmac.compare_digest(text, self._expected)


def _identity(node: proto.Node) -> str:
    """An Envoy's task, from its metadata ``tealmesh.task``; its node id where there is none."""
    fields = node.metadata.fields
    task = fields["tealmesh"].struct_value.fields["task"].string_value if fields else ""
    return str(task or node.id)
