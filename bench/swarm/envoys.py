"""Envoys as a control plane sees them: ADS in either variant, all of it acknowledged, and metrics.

A process of its own (`python -m bench.swarm.envoys`), told what to do by lines on its input:
``storm`` connects all, ``await VERSION`` tells when each has the routes of a change, ``drop`` ends
all connections. The order of an Envoy's requests is Envoy 1.40's: clusters, their endpoints,
listeners, their routes. One that is refused tries again later, each time up to twice as late.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import resource
import sys
import time
from typing import Any

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as manager_pb2,
)
from envoy.service.discovery.v3 import discovery_pb2

from bench.swarm.wire import Connection, Stream
from tealmesh.envoy.resources import ResourceType
from tealmesh.rollout.metrics import proto

_SERVICE = "/envoy.service.discovery.v3.AggregatedDiscoveryService/"
_PATHS = {
    True: f"{_SERVICE}DeltaAggregatedResources",
    False: f"{_SERVICE}StreamAggregatedResources",
}
_CDS, _EDS = ResourceType.CLUSTER.value, ResourceType.ENDPOINT.value
_LDS, _RDS = ResourceType.LISTENER.value, ResourceType.ROUTE.value
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
"""Seconds, of Envoy's default back-off."""


class Swarm:
    """All Envoys of the process."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.port: int = config["port"]
        self.delta: bool = config["delta"]
        self.flush: float = config["flush"]
        self.refused: dict[str, int] = {}
        self.ready = 0
        self.done = asyncio.Event()
        self.all_changed = asyncio.Event()
        self.changed_at: list[float] = []
        self.names = Names()
        self.closing = False
        self.envoys = [Envoy(self, *one) for one in config["envoys"]]

    def told(self, envoy: Envoy) -> None:
        """An Envoy has all that it asked for."""
        self.ready += 1
        if self.ready == len(self.envoys):
            self.done.set()

    def changed(self, at: float) -> None:
        """An Envoy has got new routes."""
        self.changed_at.append(at)
        if len(self.changed_at) >= len(self.envoys):
            self.all_changed.set()

    def refuse(self, why: str) -> None:
        self.refused[why] = self.refused.get(why, 0) + 1


class Names:
    """What responses name. Envoys that get the same resources share the work of reading them."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], tuple[str, ...]] = {}

    def of(self, type_url: str, body: bytes) -> tuple[str, ...]:
        """What a cluster or listener makes an Envoy ask for."""
        known = self._known.get((type_url, body))
        if known is None:
            known = self._known[type_url, body] = tuple(_named(type_url, body))
        return known


def _named(type_url: str, body: bytes) -> list[str]:
    if type_url == _CDS:
        cluster = cluster_pb2.Cluster.FromString(body)
        eds = cluster.HasField("eds_cluster_config")
        return [cluster.eds_cluster_config.service_name or cluster.name] if eds else []
    found = []
    for chain in listener_pb2.Listener.FromString(body).filter_chains:
        for one in chain.filters:
            manager = _manager(one.typed_config)
            if manager:
                found.append(manager)
    return found


def _manager(config: Any) -> str:
    manager = manager_pb2.HttpConnectionManager()
    return manager.rds.route_config_name if config.Unpack(manager) else ""


class Envoy:
    """One Envoy, through all its connections."""

    def __init__(self, swarm: Swarm, node_id: str, task: str, token: str, address: str) -> None:
        self._swarm = swarm
        self._node_id, self._task, self._token, self._address = node_id, task, token, address
        self._tries = 0
        self._connection: Connection | None = None
        self._stream: Stream | None = None
        self._names: dict[str, tuple[str, ...]] = {}
        self._ready = False
        self._metrics: Stream | None = None

    async def connect(self) -> None:
        """Connect, and again until it is let in."""
        self._names, self._ready, self._metrics = {}, False, None
        loop = asyncio.get_running_loop()
        made = Connection(self._opened, self._gone)
        try:
            await loop.create_connection(lambda: made, "127.0.0.1", self._swarm.port)
        except OSError as error:
            self._gone(f"connecting: {error.strerror}")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def report(self, message: bytes) -> None:
        """Send a report, on the same connection as the configuration."""
        if self._connection is None or not self._ready:
            return
        if self._metrics is None:
            self._metrics = self._connection.call(
                proto.METHOD, self._token, lambda _: None, lambda _: None
            )
            first = proto.StreamMetricsMessage()
            first.identifier.node.id = self._node_id
            first.identifier.node.metadata.update({"tealmesh": {"task": self._task}})
            message = first.SerializeToString() + message
        self._connection.send(self._metrics, message)

    def _opened(self, connection: Connection) -> None:
        self._connection = connection
        path = _PATHS[self._swarm.delta]
        self._stream = connection.call(path, self._token, self._heard, self._ended)
        self._ask(_CDS, (), node=True)

    def _gone(self, why: str) -> None:
        self._connection = None
        if self._swarm.closing:
            return
        self._swarm.refuse(why)
        if self._ready:
            self._swarm.ready -= 1
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2**self._tries) * random.uniform(0.5, 1)
        self._tries += 1
        loop = asyncio.get_running_loop()
        loop.call_later(wait, lambda: loop.create_task(self.connect()))

    def _ended(self, why: str) -> None:
        if self._connection is not None and self._connection.transport is not None:
            self._connection._why = why
            self._connection.transport.abort()

    def _ask(
        self,
        type_url: str,
        names: tuple[str, ...],
        *,
        nonce: str = "",
        version: str = "",
        node: bool = False,
    ) -> None:
        delta = self._swarm.delta
        made: Any
        if delta:
            made = discovery_pb2.DeltaDiscoveryRequest(
                type_url=type_url, response_nonce=nonce, resource_names_subscribe=names
            )
        else:
            made = discovery_pb2.DiscoveryRequest(
                type_url=type_url, response_nonce=nonce, version_info=version, resource_names=names
            )
        if node:
            made.node.id = self._node_id
            ours = {"task": self._task, **({"address": self._address} if self._address else {})}
            made.node.metadata.update({"tealmesh": ours})
        assert self._connection is not None
        assert self._stream is not None
        self._connection.send(self._stream, made.SerializeToString())

    def _heard(self, message: bytes) -> None:
        delta = self._swarm.delta
        kind = discovery_pb2.DeltaDiscoveryResponse if delta else discovery_pb2.DiscoveryResponse
        answer: Any = kind.FromString(message)
        type_url = answer.type_url
        bodies = [(one.resource if delta else one).value for one in answer.resources]
        version = "" if delta else answer.version_info
        names = () if delta else self._names.get(type_url, ())
        if type_url == _RDS:
            self._swarm.changed(time.monotonic())
        self._ask(type_url, names, nonce=answer.nonce, version=version)
        if type_url == _CDS and _EDS not in self._names:
            self._follow(_EDS, _CDS, bodies)
        elif type_url == _EDS and _LDS not in self._names:
            self._names[_LDS] = ()
            self._ask(_LDS, ())
        elif type_url == _LDS and _RDS not in self._names:
            self._follow(_RDS, _LDS, bodies)
        elif type_url == _RDS and not self._ready:
            self._ready = True
            self._swarm.told(self)

    def _follow(self, wanted: str, type_url: str, bodies: list[bytes]) -> None:
        named = {name for body in bodies for name in self._swarm.names.of(type_url, body)}
        self._names[wanted] = tuple(sorted(named))
        self._ask(wanted, self._names[wanted])


def report(clusters: list[str]) -> bytes:
    """What an idle Envoy flushes, about as much as a real one of that many clusters: 27 counters
    and gauges of each, and 35 of its own.
    """
    message = proto.StreamMetricsMessage()
    names = [f"cluster.{one}.upstream_rq_{kind}" for one in clusters for kind in _COUNTED]
    names += [f"server.statistic_{number}" for number in range(35)]
    for name in names:
        family = message.envoy_metrics.add(name=name, type=0)
        family.metric.add().counter.value = 0.0
    data: bytes = message.SerializeToString()
    return data


_COUNTED = [f"kind_{number}" for number in range(23)] + ["total", "2xx", "5xx", "timeout"]


async def _run() -> None:
    loop = asyncio.get_running_loop()
    # The first line has all Envoys.
    lines = asyncio.StreamReader(limit=1 << 26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    swarm = Swarm(json.loads(await lines.readline()))
    idle = [f"cds_egress_m_n{number}_http_8080" for number in range(10)]
    flushed = report(idle)
    reporting = asyncio.create_task(_report(swarm, flushed)) if swarm.flush else None
    gc.disable()
    while line := await lines.readline():
        order = line.decode().strip()
        began, cpu = time.monotonic(), _cpu()
        if order == "storm":
            swarm.done.clear()
            connecting = [loop.create_task(one.connect()) for one in swarm.envoys]
            await swarm.done.wait()
            await asyncio.gather(*connecting)
            told: dict[str, Any] = {"seconds": time.monotonic() - began, "refused": swarm.refused}
        elif order == "await":
            swarm.changed_at.clear()
            print(json.dumps({}), flush=True)
            swarm.all_changed.clear()
            await swarm.all_changed.wait()
            told = {"at": sorted(swarm.changed_at)[: len(swarm.envoys)]}
        else:
            swarm.closing = True
            for one in swarm.envoys:
                one.close()
            told = {}
        print(json.dumps({**told, "cpu": _cpu() - cpu}), flush=True)
    if reporting is not None:
        reporting.cancel()


async def _report(swarm: Swarm, message: bytes) -> None:
    """Each Envoy at its own time, spread over the interval."""
    while True:
        for start in range(0, len(swarm.envoys), max(1, len(swarm.envoys) // 20)):
            for one in swarm.envoys[start : start + max(1, len(swarm.envoys) // 20)]:
                one.report(message)
            await asyncio.sleep(swarm.flush / 20)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    asyncio.run(_run())
