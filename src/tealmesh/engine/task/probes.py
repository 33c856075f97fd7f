"""Looks at a task from outside: its Envoy's admin interface, and its listeners.

Every look answers in words what is wrong, and with an empty text when nothing is.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping
from typing import Any

import httpx

from tealmesh.engine.runtimes.base import TaskNetwork
from tealmesh.engine.runtimes.docker.netns import listening
from tealmesh.engine.runtimes.sidecar import admin

_TIMEOUT = 2.0

_ACTIVE = re.compile(r"^http\.(?!admin\.)(?!.*egress)\S*downstream_rq_active: (\d+)$", re.MULTILINE)


class Probes:
    """Asks the tasks of this machine. One client for all; the user's proxies are not for it."""

    def __init__(self) -> None:
        # Nothing here speaks TLS, and reading the machine's authorities takes a while.
        self._http = httpx.AsyncClient(trust_env=False, verify=False, timeout=_TIMEOUT)  # noqa: S501

    async def envoy_ready(self, network: TaskNetwork) -> str:
        """Whether Envoy has its listeners and serves: LIVE, in the words of ``/ready``
        (https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--ready).
        """
        try:
            answer = await self._http.get(f"{admin(network)}/ready")
        except httpx.HTTPError:
            return f"Envoy's admin interface {admin(network)} does not answer"
        if answer.status_code == 200:
            return ""
        return f"Envoy is {answer.text.strip()}: it has no configuration from the control plane yet"

    async def listener(self, network: TaskNetwork, listener: Mapping[str, Any]) -> str:
        """Whether the application answers through its ingress listener, as the virtual node's
        own health check asks; without one, whether something listens.
        """
        port = int(listener["portMapping"]["port"])
        check = listener.get("healthCheck")
        # A connection to Envoy alone would say nothing of the application behind it.
        if network.pid:
            found = listening(network.pid, port)
            problem = "" if found else f"nothing in the task listens on port {port}"
        else:
            problem = await self.connects(network.app_address, port)
        problem = problem or await self.connects(network.address, port)
        # TCP is all that is asked of http2 and grpc here: their Envoys check the rest.
        if problem or not check or check["protocol"] != "http":
            return problem
        url = f"http://{network.address}:{check.get('port', port)}{check.get('path', '/')}"
        timeout = check["timeoutMillis"] / 1000
        try:
            answer = await self._http.get(url, timeout=timeout)
        except httpx.HTTPError as error:
            return f"GET {url} is not answered: {type(error).__name__}"
        # 200 alone is healthy to Envoy, so anything else would be turned away later.
        return "" if answer.status_code == 200 else f"GET {url} is answered {answer.status_code}"

    async def connects(self, address: str, port: int) -> str:
        """Whether something listens at an address."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                _, writer = await asyncio.open_connection(address, port)
        except (OSError, TimeoutError):
            return f"nothing listens on {address}:{port}"
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return ""

    async def unsure(self, caller: TaskNetwork, address: str) -> bool:
        """Whether the Envoy of a task knows the host ``address`` but would not send to it yet,
        its own first health check being still to come
        (https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--clusters?format=json).
        """
        try:
            answer = await self._http.get(f"{admin(caller)}/clusters", params={"format": "json"})
        except httpx.HTTPError:
            # It does not serve, so it does not send either.
            return False
        hosts = [
            host
            for cluster in answer.json().get("cluster_statuses", [])
            for host in cluster.get("host_statuses", [])
            if host["address"].get("socket_address", {}).get("address") == address
        ]
        flags = ("pending_active_hc", "failed_active_health_check")
        return any(host.get("health_status", {}).get(flag) for host in hosts for flag in flags)

    async def active_requests(self, network: TaskNetwork) -> int | None:
        """Requests that the task's Envoy is serving now; None when it does not say."""
        try:
            answer = await self._http.get(
                f"{admin(network)}/stats", params={"filter": "downstream_rq_active"}
            )
        except httpx.HTTPError:
            return None
        return sum(int(count) for count in _ACTIVE.findall(answer.text))

    async def drain_listeners(self, network: TaskNetwork) -> None:
        """Ask a gateway's Envoy to send its clients away and then to stop listening
        (https://www.envoyproxy.io/docs/envoy/latest/operations/admin#post--drain_listeners).
        """
        with contextlib.suppress(httpx.HTTPError):
            await self._http.post(f"{admin(network)}/drain_listeners?graceful&skip_exit")

    async def close(self) -> None:
        await self._http.aclose()
