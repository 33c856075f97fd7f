"""What an Envoy is serving, by its admin interface. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlencode

_FILTER = r"downstream_rq_active$|^cluster\.cds_ingress_.*_tcp_[0-9]+\.upstream_cx_active$"
QUESTION = f"/stats?{urlencode({'filter': _FILTER})}"
"""What the admin interface is asked."""

_ACTIVE = re.compile(
    r"^(?:http\.(?!admin\.)(?!.*egress)\S*downstream_rq_active"
    r"|cluster\.cds_ingress_\S*_tcp_[0-9]+\.upstream_cx_active): (\d+)$",
    re.MULTILINE,
)


def counted(answer: str) -> int:
    """Requests, streams and WebSockets, and connections of TCP listeners. What it sends for its own
    application is not counted.
    """
    return sum(int(count) for count in _ACTIVE.findall(answer))


_REQUESTS = r"^http\.ingress\.downstream_rq_total$"
BEGUN = f"/stats?{urlencode({'filter': _REQUESTS})}"
"""Asks for the requests that have come so far."""
_BEGUN = re.compile(r"^http\.ingress\.downstream_rq_total: (\d+)$", re.MULTILINE)


def begun(answer: str) -> int:
    """Requests that have come since Envoy's start, to the application or the gateway."""
    return sum(int(count) for count in _BEGUN.findall(answer))
