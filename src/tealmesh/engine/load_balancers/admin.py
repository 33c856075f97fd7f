"""What the admin interface of a load balancer's Envoy says, and does.

https://www.envoyproxy.io/docs/envoy/latest/operations/admin
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass

import httpx

_TIMEOUT_SECONDS = 2.0

_CONNECTIONS = re.compile(r"^listener\.(?!admin)\S*downstream_cx_active: (\d+)$", re.MULTILINE)
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


class Admin:
    """The admin interfaces of this machine's load balancers, with one HTTP client for all."""

    def __init__(self) -> None:
        # Without the user's proxies, and without TLS, whose authorities are slow to load.
        self._http = httpx.AsyncClient(
            trust_env=False,
            verify=False,  # noqa: S501 - nothing here speaks TLS
            timeout=_TIMEOUT_SECONDS,
        )

    async def hosts(self, url: str, cluster: str) -> dict[str, Host] | None:
        """The targets of a cluster by "ADDRESS:PORT"; None while the Envoy does not answer."""
        try:
            answer = await self._http.get(f"{url}/clusters", params={"format": "json"})
        except httpx.HTTPError:
            return None
        hosts: dict[str, Host] = {}
        for status in answer.json().get("cluster_statuses", []):
            for host in status.get("host_statuses", []) if status["name"] == cluster else []:
                at = host["address"]["socket_address"]
                health = host.get("health_status", {})
                counts = {s["name"]: int(s.get("value", 0)) for s in host.get("stats", [])}
                hosts[f"{at['address']}:{at['port_value']}"] = Host(
                    pending=health.get("pending_active_hc", False),
                    failed=health.get("failed_active_health_check", False),
                    timed_out=health.get("active_hc_timeout", False),
                    active=counts.get("rq_active", 0),
                    total=counts.get("rq_total", 0),
                )
        return hosts

    async def connections(self, url: str) -> int:
        """Connections of clients that are open; 0 if the Envoy does not answer."""
        try:
            params = {"filter": "downstream_cx_active"}
            answer = await self._http.get(f"{url}/stats", params=params)
        except httpx.HTTPError:
            return 0
        return sum(int(count) for count in _CONNECTIONS.findall(answer.text))

    async def drain(self, url: str) -> None:
        """Ask clients to connect elsewhere, then stop listening."""
        with contextlib.suppress(httpx.HTTPError):
            await self._http.post(f"{url}/drain_listeners?graceful&skip_exit")

    async def close(self) -> None:
        await self._http.aclose()
