"""What became of requests, from the counters of a caller's egress cluster. Pure.

Envoy counts a request that got no answer nowhere: a caller that gives up waiting leaves no status
code. It is found by the difference between the requests that began and those that ended:

    begun   = total + pending_failure_eject + cancelled + pending_overflow + active_overflow
              + none_healthy - retry
    open    = begun - completed              not answered: still in flight, or gone
    gone    = open - active                  (1)
    gone    = tx_reset + destroy_local_with_active_rq + cancelled - timeout - per_try_timeout   (2)

Neither is right by itself. ``active`` includes answers whose body is on its way, so (1) is too
small while such answers become more; and where an HTTP/2 connection breaks, Envoy counts each of
its requests a second time, under ``pending_failure_eject``, so (1) is too large. (2) is too large
by callers that left while the answer arrived, and both are too small by those that left between two
attempts. The smaller of the two counts no request that was answered. Where callers' access logs
count (`metrics.tasks`), each request without an answer is in them, and the larger of log and
formula counts. Measured with Envoy 1.40, row
by row: docs/design/022-failures-without-a-code.md. The names are Envoy's:
https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

COMPLETED = "upstream_rq_completed"
FAILED = "upstream_rq_5xx"
CLIENT_ERRORS = "upstream_rq_4xx"
STARTED = "upstream_rq_total"
ACTIVE = "upstream_rq_active"

_NONE_HEALTHY = "upstream_cx_none_healthy"
_EJECTED = "upstream_rq_pending_failure_eject"
_CANCELLED = "upstream_rq_cancelled"
_PENDING_OVERFLOW = "upstream_rq_pending_overflow"
_ACTIVE_OVERFLOW = "upstream_rq_active_overflow"
_RETRY = "upstream_rq_retry"
_REFUSED = "upstream_cx_connect_fail"
_UPGRADED = "upstream_rq_1xx"
_UNAVAILABLE = "upstream_rq_503"
_TIMED_OUT = "upstream_rq_504"
_ROUTE_TIMEOUT = "upstream_rq_timeout"
_TRY_TIMEOUT = "upstream_rq_per_try_timeout"
_LEFT = "upstream_rq_tx_reset"
_CLOSED_HERE = "upstream_cx_destroy_local_with_active_rq"
_CLOSED_THERE = "upstream_cx_destroy_remote_with_active_rq"
_ATTEMPTS_EXCEEDED = "upstream_cx_connect_attempts_exceeded"
_CONNECTION_OVERFLOW = "upstream_cx_overflow"

_HTTP = (
    COMPLETED, FAILED, CLIENT_ERRORS, STARTED, _NONE_HEALTHY, _EJECTED, _CANCELLED,
    _PENDING_OVERFLOW, _ACTIVE_OVERFLOW, _RETRY, _REFUSED, _UPGRADED, _UNAVAILABLE, _TIMED_OUT,
    _ROUTE_TIMEOUT, _TRY_TIMEOUT, _LEFT, _CLOSED_HERE, _CLOSED_THERE,
)  # fmt: skip
_TCP = (STARTED, _EJECTED, _NONE_HEALTHY, _ATTEMPTS_EXCEEDED, _CONNECTION_OVERFLOW)

GRPC_FAILURES: Mapping[str, str] = {
    "2": "UNKNOWN",
    "4": "DEADLINE_EXCEEDED",
    "12": "UNIMPLEMENTED",
    "13": "INTERNAL",
    "14": "UNAVAILABLE",
    "15": "DATA_LOSS",
}
"""The statuses of gRPC that are a server's failure, as OpenTelemetry has them; all others are
answers. https://opentelemetry.io/docs/specs/semconv/rpc/grpc/#server
"""
GRPC_CLIENT_ERRORS: Mapping[str, str] = {
    "3": "INVALID_ARGUMENT",
    "5": "NOT_FOUND",
    "6": "ALREADY_EXISTS",
    "7": "PERMISSION_DENIED",
    "8": "RESOURCE_EXHAUSTED",
    "9": "FAILED_PRECONDITION",
    "10": "ABORTED",
    "11": "OUT_OF_RANGE",
    "16": "UNAUTHENTICATED",
}
"""The statuses of gRPC that are what 4xx is to HTTP. CANCELLED is the caller's."""
_GRPC = (*_HTTP, *(f"grpc.{status}" for status in (*GRPC_FAILURES, *GRPC_CLIENT_ERRORS)))

COUNTERS: Mapping[str, Sequence[str]] = {
    "http": _HTTP,
    "http2": _HTTP,
    "grpc": _GRPC,
    "tcp": _TCP,
}
"""By protocol, the counters that must be in the bootstrap's inclusion list."""

_BEGUN = (STARTED, _EJECTED, _CANCELLED, _PENDING_OVERFLOW, _ACTIVE_OVERFLOW, _NONE_HEALTHY)

_ANSWERED, _BEGAN = _HTTP.index(COMPLETED), _HTTP.index(STARTED)

Counted = Mapping[str, int]
"""How much each counter of a cluster has grown."""


@dataclass(frozen=True)
class Outcome:
    """What became of the requests to a cluster in a window. With TCP, a request is a connection."""

    requests: int
    """Those that ended: answered, or not answered and gone."""
    failures: int
    started: int
    """Attempts, as they began."""
    kinds: Mapping[str, int]
    """The failures by kind, for people; they add up to ``failures``. Kinds without any are left
    out."""
    client_errors: int = 0
    """Answers that say that the request was wrong; they are no failures."""


def open_requests(counted: Counted) -> int:
    """Requests that began and were not answered: in flight, or gone."""
    begun = sum(counted.get(name, 0) for name in _BEGUN) - counted.get(_RETRY, 0)
    return begun - counted.get(COMPLETED, 0)


def left_requests(counted: Counted) -> int:
    """Requests that the caller left, among them some whose answer had begun: (2) above."""
    left = counted.get(_LEFT, 0) + counted.get(_CLOSED_HERE, 0) + counted.get(_CANCELLED, 0)
    return left - counted.get(_ROUTE_TIMEOUT, 0) - counted.get(_TRY_TIMEOUT, 0)


def only_answers(counted: Sequence[int]) -> bool:
    """Whether nothing but requests that were answered without an error has been counted, which is
    so most of the time: `outcome` of it is known then without looking at every kind of failure.
    ``counted``: by how much each of `COUNTERS` has grown, of any protocol but TCP.
    """
    return sum(counted) == counted[_ANSWERED] + counted[_BEGAN]


def answers(counted: Sequence[int]) -> int:
    """The requests that were answered, of what `only_answers` takes."""
    return counted[_ANSWERED]


def outcome(protocol: str, counted: Counted, gone: int) -> Outcome:
    """What became of the requests. ``gone``: how many were not answered and are not in flight."""
    return _tcp(counted) if protocol == "tcp" else _http(protocol, counted, gone)


def _http(protocol: str, counted: Counted, gone: int) -> Outcome:
    """A failure is a 5xx, as which Envoy counts timeouts, resets and refused connections too; a
    request without an answer; an answer that was cut off; with gRPC, a status of `GRPC_FAILURES`.
    """
    requests = counted.get(COMPLETED, 0) + gone
    kinds = _by_code(counted)
    if protocol == "grpc":
        kinds = _by_status(counted, kinds)
    kinds["gone"] = gone
    kinds["cut off"] = _cut(counted)
    shown = {kind: count for kind, count in kinds.items() if count > 0}
    failures = min(sum(shown.values()), requests)
    blamed = counted.get(CLIENT_ERRORS, 0)
    if protocol == "grpc":
        blamed += sum(counted.get(f"grpc.{status}", 0) for status in GRPC_CLIENT_ERRORS)
    client_errors = max(0, min(blamed, requests - failures))
    return Outcome(requests, failures, counted.get(STARTED, 0), shown, client_errors)


def _by_code(counted: Counted) -> dict[str, int]:
    """The answers with 5xx. Envoy tells the reason of its own 503 per attempt, not per request, so
    the kinds among them are at most as many as there were such attempts.
    """
    rest, unavailable = counted.get(FAILED, 0), counted.get(_UNAVAILABLE, 0)
    refused, reset = counted.get(_REFUSED, 0), counted.get(_CLOSED_THERE, 0)
    # These count connections; with HTTP/2, several requests wait for one, or are lost with it.
    ejected = counted.get(_EJECTED, 0)
    if refused and not reset:
        refused = max(refused, ejected)
    elif reset and not refused:
        reset = max(reset, ejected)
    kinds = {}
    for kind, count in (
        ("timed out", counted.get(_TIMED_OUT, 0)),
        ("overflow", counted.get(_PENDING_OVERFLOW, 0) + counted.get(_ACTIVE_OVERFLOW, 0)),
        ("no healthy endpoint", counted.get(_NONE_HEALTHY, 0)),
        ("refused", min(refused, unavailable)),
        ("reset", min(reset, unavailable)),
    ):
        kinds[kind] = min(rest, count)
        rest -= kinds[kind]
    return {"5xx": rest, **kinds}


def _by_status(counted: Counted, by_code: dict[str, int]) -> dict[str, int]:
    """The failures of gRPC. Envoy's own errors are in both counts, as a 5xx and as a status, most
    of them UNAVAILABLE. An Envoy without the filter for statuses has counted none of them.
    """
    statuses = {name: counted.get(f"grpc.{n}", 0) for n, name in GRPC_FAILURES.items()}
    twice = sum(by_code.values())
    if sum(statuses.values()) < twice:
        return by_code
    for name in ("UNAVAILABLE", *GRPC_FAILURES.values()):
        taken = min(twice, statuses[name])
        statuses[name] -= taken
        twice -= taken
    return {**by_code, **statuses}


def _cut(counted: Counted) -> int:
    """Answers that the other end cut off, at least: closed with a request on it, and neither tried
    again nor answered by Envoy's 503, nor a WebSocket that ended.
    """
    return max(
        0,
        counted.get(_CLOSED_THERE, 0)
        - counted.get(_RETRY, 0)
        - counted.get(_UNAVAILABLE, 0)
        - counted.get(_UPGRADED, 0),
    )


def _tcp(counted: Counted) -> Outcome:
    """A failure is a connection that could not be made; what is said on it, nobody reads."""
    kinds = {
        "refused": counted.get(_ATTEMPTS_EXCEEDED, 0),
        "overflow": counted.get(_CONNECTION_OVERFLOW, 0),
        "no healthy endpoint": counted.get(_NONE_HEALTHY, 0),
    }
    failures = sum(kinds.values())
    made = counted.get(STARTED, 0)
    shown = {kind: count for kind, count in kinds.items() if count}
    return Outcome(made + failures, failures, made + counted.get(_EJECTED, 0), shown)
