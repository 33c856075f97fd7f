"""Traces: what one request did, hop by hop, as Envoys and applications tell.

Segments of X-Ray (`segments`) and spans of OpenTelemetry (`otlp`) become the same `span.Span`; the
newest are kept in memory (`ring`), shown as a tree (`tree`) and as a map of services (`graph`), and
found by `search`. All of that is pure. `collector` is the gRPC service that Envoys export to.

Begin with `ring.Traces`. Design note 045.
"""
