"""Traces of writes by OpenTelemetry: from the API call to the last acknowledgement of an Envoy.

Made where ``OTEL_EXPORTER_OTLP_ENDPOINT``, or the one of traces, is set, which needs the extra
``tealmesh[opentelemetry]``; the SDK's other variables count too.
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tealmesh import __version__
from tealmesh.app.observing.following import Pushed
from tealmesh.model.errors import TealError

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether somebody has said where traces go."""
    disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return any(environment.get(name) for name in _ENDPOINTS) and not disabled


class Spans:
    """Sends them. Raises TealError if the extra is not installed."""

    def __init__(self, replica: str) -> None:
        """``replica``: what tells this process from others."""
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import OTELResourceDetector, Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise TealError(
                "OTEL_EXPORTER_OTLP_ENDPOINT is set, and what sends traces is not installed: "
                "install tealmesh[opentelemetry], or unset it"
            ) from error
        about = {
            "service.name": "tealmesh",
            "service.version": __version__,
            "service.instance.id": replica,
        }
        # Variables of the environment win: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES.
        resource = Resource.create(about).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer: Any = self._provider.get_tracer("tealmesh", __version__)

    def tell(self, pushed: Pushed) -> None:
        """The spans of one change: the call, and beneath it its way to the Envoys."""
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

        write, call, convergence = pushed.write, pushed.write.call, pushed.convergence
        answered = write.at + write.seconds
        ended = answered + pushed.seconds
        root = self._tracer.start_span(
            f"{call.service} {call.operation}",
            context=_parent(call.parent),
            kind=SpanKind.SERVER,
            start_time=_nanoseconds(write.at),
            attributes={
                "rpc.system": "aws-api",
                "rpc.service": call.service,
                "rpc.method": call.operation,
                "aws.request_id": call.request_id,
                "http.response.status_code": write.status,
                "enduser.id": call.actor,
                "tealmesh.revision": call.revision,
            },
        )
        within = set_span_in_context(root)
        commit = self._tracer.start_span(
            f"commit revision {call.revision}", within, start_time=_nanoseconds(write.at)
        )
        commit.end(_nanoseconds(answered))
        push = self._tracer.start_span(
            f"push to mesh {pushed.mesh}",
            within,
            kind=SpanKind.PRODUCER,
            start_time=_nanoseconds(answered),
            attributes={
                "tealmesh.mesh": pushed.mesh,
                "tealmesh.revision": call.revision,
                "tealmesh.envoys": len(convergence.expected),
                "tealmesh.waiting": len(convergence.waiting),
            },
        )
        if not convergence.converged:
            text = f"{len(convergence.waiting)} Envoys have not acknowledged it"
            push.set_status(Status(StatusCode.ERROR, text))
        push.end(_nanoseconds(ended))
        root.end(_nanoseconds(ended))

    def close(self) -> None:
        """Send what is left; waits for that, at most for what OTEL_BSP_EXPORT_TIMEOUT says."""
        self._provider.shutdown()


def _parent(traceparent: str) -> Any:
    """The span that the caller's header names; None without one."""
    if not traceparent:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": traceparent})


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
