"""The gRPC service that Envoys export their spans to.

https://github.com/open-telemetry/opentelemetry-proto/blob/v1.3.2/opentelemetry/proto/collector/trace/v1/trace_service.proto
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Any

import grpc

from tealmesh.model.clock import Clock
from tealmesh.model.errors import EnvoyForbidden, EnvoyUnknown
from tealmesh.model.identity.envoys import Admit, shown
from tealmesh.traces import otlp, proto
from tealmesh.traces.ring import Traces
from tealmesh.traces.span import Span

_log = logging.getLogger(__name__)

OWNER = "the owner's Envoy"
"""Who sends with the token of a control plane's owner and has no name."""
_RESOURCE = re.compile(r"mesh/[^/]+/(?:virtualNode|virtualGateway)/[^/]+")


class TraceServicer:
    """Keeps in ``traces`` what Envoys export. Served beside ADS, by the same gRPC server.

    An Envoy calls itself ``mesh/M/virtualNode/N`` (or virtualGateway) in ``service.name``, and
    ``admit`` decides by ``authorization: Bearer TOKEN`` whether it is that: nobody tells spans of
    another's. With the token of the owner, whatever the name is counts as told. Answers
    UNAUTHENTICATED without a token, PERMISSION_DENIED for another Envoy's.
    """

    def __init__(self, traces: Traces, admit: Admit, clock: Clock) -> None:
        self._traces = traces
        self._admit = admit
        self._clock = clock

    def add_to(self, server: grpc.aio.Server) -> None:
        """Serve Export on ``server``, which has not started yet."""
        service, method = proto.METHOD.strip("/").split("/")
        handler = grpc.unary_unary_rpc_method_handler(
            self._export,
            request_deserializer=proto.ExportTraceServiceRequest.FromString,
            response_serializer=proto.ExportTraceServiceResponse.SerializeToString,
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {method: handler}),)
        )

    async def _export(self, request: proto.Exported, context: grpc.aio.ServicerContext) -> Any:
        given = shown(context.invocation_metadata() or (), context.auth_context())
        if not self._admit.known(given):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong or no bearer token")
        refused: list[str] = []
        senders: dict[str, str] = {}
        try:
            for batch in request.resource_spans:
                node = otlp.service_name(batch)
                if node not in senders:
                    senders[node] = await self._admit.identify(given, node, "")
                resource = node if _RESOURCE.fullmatch(node) else ""
                spans = otlp.read(batch, self._clock(), senders[node] or OWNER, resource)
                refused += keep(self._traces, spans)
        except EnvoyUnknown as error:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(error))
        except EnvoyForbidden as error:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
        answer: Any = proto.ExportTraceServiceResponse()
        if refused:
            answer.partial_success.rejected_spans = len(refused)
            answer.partial_success.error_message = refused[0]
            _log.debug("%d spans refused: %s", len(refused), refused[0])
        return answer


def keep(traces: Traces, spans: Iterable[Span | ValueError]) -> list[str]:
    """Keep the spans; returns why some are refused."""
    found = list(spans)
    good = [one for one in found if isinstance(one, Span)]
    without_room = traces.add(good)
    refused = [str(one) for one in found if isinstance(one, ValueError)]
    return refused + ["the trace has no room for it" for _ in without_room]
