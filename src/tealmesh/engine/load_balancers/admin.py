"""What the admin interface of a load balancer's Envoy says, and does.

https://www.envoyproxy.io/docs/envoy/latest/operations/admin
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from tealmesh.engine.runtimes.admin import AdminPlace, ask, tell
from tealmesh.model.errors import EngineError

_CONNECTIONS = re.compile(
    r"^listener\.(?!admin|\S*\.worker_)\S*downstream_cx_active: (\d+)$", re.MULTILINE
)
"""Connections of clients."""


@dataclass(frozen=True)
class Host:
    """A target as an Envoy sees it."""

    pending: bool
    """Whether its first health check has still to be made."""
    failed: bool
    """Whether it fails its health checks."""
    timed_out: bool
    """Whether its last health check was not answered in time."""
    active: int
    """Requests, or flows of TCP, that it has not finished."""
    total: int = 0
    """Requests, or flows of TCP, that it has ever got."""


async def hosts(at: AdminPlace, cluster: str) -> dict[str, Host] | None:
    """The targets of a cluster by "ADDRESS:PORT"; None while the Envoy does not answer."""
    try:
        answer = await ask(at, "/clusters?format=json")
    except EngineError:
        return None
    found: dict[str, Host] = {}
    for status in json.loads(answer.text).get("cluster_statuses", []):
        for host in status.get("host_statuses", []) if status["name"] == cluster else []:
            address = host["address"]["socket_address"]
            health = host.get("health_status", {})
            counts = {s["name"]: int(s.get("value", 0)) for s in host.get("stats", [])}
            found[f"{address['address']}:{address['port_value']}"] = Host(
                pending=health.get("pending_active_hc", False),
                failed=health.get("failed_active_health_check", False),
                timed_out=health.get("active_hc_timeout", False),
                active=counts.get("rq_active", 0),
                total=counts.get("rq_total", 0),
            )
    return found


async def connections(at: AdminPlace) -> int:
    """Connections of clients that are open; 0 if the Envoy does not answer."""
    try:
        answer = await ask(at, "/stats?filter=downstream_cx_active")
    except EngineError:
        return 0
    return sum(int(count) for count in _CONNECTIONS.findall(answer.text))


async def drain(at: AdminPlace) -> None:
    """Ask clients to connect elsewhere, then stop listening."""
    await tell(at, "/drain_listeners?graceful&skip_exit")
