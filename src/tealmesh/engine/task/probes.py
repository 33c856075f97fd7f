"""Looks at a task from outside: its Envoy's admin interface, its listeners.

A look at a problem returns it in words, and an empty text if there is none.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import httpx

from tealmesh.engine.runtimes import in_flight
from tealmesh.engine.runtimes.admin import ask, tell
from tealmesh.engine.runtimes.base import Networks, TaskNetwork
from tealmesh.engine.runtimes.ports import connect_problem
from tealmesh.engine.task import hosts
from tealmesh.engine.task.hosts import HostSeen
from tealmesh.model.errors import EngineError

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import ListenerOutputTypeDef

_TIMEOUT_SECONDS = 2.0
_AT_ONCE = 8
"""Callers' Envoys that are asked at the same time."""
_CLUSTERS = "/clusters?format=json"


class Probes:
    """Looks at the tasks of this machine, with one HTTP client for all."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        # Without the user's proxies, and without TLS, whose authorities are slow to load.
        self._http = httpx.AsyncClient(
            trust_env=False,
            verify=False,  # noqa: S501 - nothing here speaks TLS
            timeout=_TIMEOUT_SECONDS,
        )

    async def envoy_ready(self, network: TaskNetwork) -> str:
        """Why the task's Envoy is not ready. It is once it has its listeners and is LIVE
        (https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--ready).
        """
        try:
            answer = await ask(network.admin, "/ready")
        except EngineError as error:
            return str(error)
        if answer.status == 200:
            return ""
        return f"Envoy is {answer.text.strip()}: it has no configuration from the control plane yet"

    async def listener(self, network: TaskNetwork, listener: ListenerOutputTypeDef) -> str:
        """Why requests through a listener of the task's virtual node would fail. Asks what the
        listener's health check asks; without one, whether something listens.
        """
        port = listener["portMapping"]["port"]
        # Envoy alone accepting a connection would say nothing of the application behind it.
        problem = await self._networks.port_problem(network, port, "tcp")
        problem = problem or await connect_problem(network.address, port)
        check = listener.get("healthCheck")
        # For http2 and grpc a TCP connection has to do; the callers' Envoys check the rest.
        if problem or not check or check["protocol"] != "http":
            return problem
        url = f"http://{network.address}:{check.get('port', port)}{check.get('path', '/')}"
        try:
            answer = await self._http.get(url, timeout=check["timeoutMillis"] / 1000)
        except httpx.HTTPError as error:
            return f"GET {url} is not answered: {type(error).__name__}"
        # Envoy takes only 200 for healthy, so any other status would fail there.
        return "" if answer.status_code == 200 else f"GET {url} is answered {answer.status_code}"

    async def hosts(self, network: TaskNetwork) -> list[HostSeen] | None:
        """What the task's Envoy says of the hosts that it sends to; None if it does not answer."""
        try:
            answer = await ask(network.admin, _CLUSTERS)
            return hosts.seen_by(json.loads(answer.text))
        except (EngineError, ValueError):
            return None

    async def unsure(self, caller: TaskNetwork, address: str) -> bool:
        """Whether a caller's Envoy knows the host ``address`` but does not send to it yet, because
        the host has still to pass its first health check
        (https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--clusters?format=json).
        """
        try:
            async with self._at_once:
                answer = await ask(caller.admin, _CLUSTERS)
        except EngineError:
            # An Envoy that does not answer does not send anything either.
            return False
        hosts = [
            host
            for cluster in json.loads(answer.text).get("cluster_statuses", [])
            for host in cluster.get("host_statuses", [])
            if host["address"].get("socket_address", {}).get("address") == address
        ]
        flags = ("pending_active_hc", "failed_active_health_check")
        return any(host.get("health_status", {}).get(flag) for host in hosts for flag in flags)

    async def active_requests(self, network: TaskNetwork) -> int | None:
        """Requests, streams and TCP connections that the task's Envoy is serving; None if it does
        not answer.
        """
        try:
            answer = await ask(network.admin, in_flight.QUESTION)
        except EngineError:
            return None
        return in_flight.counted(answer.text)

    async def drain_listeners(self, network: TaskNetwork) -> None:
        """Make a gateway's Envoy ask its clients to connect elsewhere
        (https://www.envoyproxy.io/docs/envoy/latest/operations/admin#post--drain_listeners).
        """
        await tell(network.admin, "/drain_listeners?graceful&skip_exit")

    async def stop_listening(self, network: TaskNetwork) -> None:
        """Make a gateway's Envoy take no more connections; it keeps those that it has."""
        await tell(network.admin, "/drain_listeners")

    async def close(self) -> None:
        await self._http.aclose()
