"""Envoys as a control plane sees them: ADS in either variant, all of it acknowledged, and metrics.

A process of its own (`python -m bench.swarm.envoys`), told what to do by lines on its input:
``storm`` connects all, ``await`` tells when each has the routes of a change, ``again`` ends all
connections and connects anew, each Envoy to the next control plane if there are several, ``drop``
ends them. The order of an Envoy's requests is Envoy 1.40's: clusters, their endpoints, listeners,
their routes. One that is refused tries again later, each time up to twice as late, and elsewhere.
"""

from __future__ import annotations

import gc
import json
import random
import resource
import time
from typing import Any

from bench.swarm.answers import CDS, EDS, LDS, RDS, Answers
from bench.swarm.loop import Loop
from bench.swarm.wire import Connection, Stream
from tealmesh.rollout.metrics import proto

_SERVICE = "/envoy.service.discovery.v3.AggregatedDiscoveryService/"
_PATHS = {
    True: f"{_SERVICE}DeltaAggregatedResources",
    False: f"{_SERVICE}StreamAggregatedResources",
}
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
"""Seconds, of Envoy's default back-off."""
_CONNECTED_AT_ONCE = 100
"""Envoys that begin to connect until those that have begun are heard."""
_STEPS = 20
"""Parts of an interval in which Envoys report, each in its own."""


class Swarm:
    """All Envoys of the process."""

    def __init__(self, loop: Loop, config: dict[str, Any]) -> None:
        self.loop = loop
        self.ports: list[int] = config["ports"]
        self.delta: bool = config["delta"]
        self.flush: float = config["flush"]
        self.refused: dict[str, int] = {}
        self.ready = 0
        self.changed_at: list[float] = []
        self.answers = Answers(delta=self.delta)
        self.closing = False
        self.envoys = [Envoy(self, n, *one) for n, one in enumerate(config["envoys"])]
        self._began = self._cpu = 0.0
        self._awaits = ""
        self._step = 0

    def told(self) -> None:
        """An Envoy has all that it asked for."""
        self.ready += 1
        if self._awaits in ("storm", "again") and self.ready == len(self.envoys):
            seconds = time.monotonic() - self._began
            self._tell({"seconds": seconds, "refused": self.refused})

    def changed(self, at: float) -> None:
        """An Envoy has got new routes."""
        self.changed_at.append(at)
        number = len(self.envoys)
        if self._awaits == "await" and len(self.changed_at) == number:
            # Acknowledged first: whoever reads the answer may wait until all are known to have it.
            told = {"at": sorted(self.changed_at)}
            self.loop.soon(lambda: self.loop.write(lambda: self._tell(told)))

    def refuse(self, why: str) -> None:
        self.refused[why] = self.refused.get(why, 0) + 1

    def ordered(self, order: str) -> None:
        """Do what a line says, and answer once that is done."""
        self._began, self._cpu, self._awaits = time.monotonic(), _cpu(), order
        self.loop.reads_first = order == "await"
        if order == "storm":
            self._connect(0)
            if self.flush:
                names = [f"cds_egress_m_n{number}_http_8080" for number in range(10)]
                self._report(report(names))
        elif order == "again":
            self.ready, self.refused = 0, {}
            for one in self.envoys:
                one.close()
            self._connect(0)
        elif order == "await":
            self.changed_at.clear()
            print(json.dumps({}), flush=True)
        else:
            self.closing = True
            for one in self.envoys:
                one.close()
            self._tell({})

    def _tell(self, told: dict[str, Any]) -> None:
        self._awaits = ""
        print(json.dumps({**told, "cpu": _cpu() - self._cpu}), flush=True)

    def _connect(self, first: int) -> None:
        for one in self.envoys[first : first + _CONNECTED_AT_ONCE]:
            one.connect()
        if first + _CONNECTED_AT_ONCE < len(self.envoys):
            self.loop.soon(lambda: self._connect(first + _CONNECTED_AT_ONCE))

    def _report(self, message: bytes) -> None:
        """Each Envoy at its own time, spread over the interval."""
        if self.closing:
            return
        for one in self.envoys[self._step :: _STEPS]:
            one.report(message)
        self._step = (self._step + 1) % _STEPS
        self.loop.later(self.flush / _STEPS, lambda: self._report(message))


class Envoy:
    """One Envoy, through all its connections."""

    def __init__(
        self, swarm: Swarm, number: int, node_id: str, task: str, token: str, address: str
    ) -> None:
        self._swarm = swarm
        self._turn = number
        self._node_id, self._task, self._token, self._address = node_id, task, token, address
        self._own = address.encode()
        self._tries = 0
        self._connection: Connection | None = None
        self._stream: Stream | None = None
        self._names: dict[str, tuple[str, ...]] = {}
        self._last: dict[str, tuple[str, bytes]] = {}
        """Version and nonce of the last response of each type, of the state of the world."""
        self._ready = False
        self._metrics: Stream | None = None

    def connect(self) -> None:
        """Connect, and again until it is let in."""
        if self._connection is not None:
            return  # it was told to connect while it waited to do so
        self._names, self._last, self._ready, self._metrics = {}, {}, False, None
        swarm = self._swarm
        port = swarm.ports[self._turn % len(swarm.ports)]
        self._turn += 1
        self._connection = Connection(swarm.loop, port, self._opened, self._gone)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def report(self, message: bytes) -> None:
        """Send a report, on the same connection as the configuration."""
        connection = self._connection
        if connection is None or not self._ready:
            return
        if self._metrics is None:
            self._metrics = connection.call(
                proto.METHOD, self._token, lambda _: None, lambda _: None
            )
            first = proto.StreamMetricsMessage()
            first.identifier.node.id = self._node_id
            first.identifier.node.metadata.update({"tealmesh": {"task": self._task}})
            message = first.SerializeToString() + message
        connection.send(self._metrics, message)
        connection.leave()

    def _opened(self, connection: Connection) -> None:
        swarm = self._swarm
        self._stream = connection.call(_PATHS[swarm.delta], self._token, self._heard, self._ended)
        ours = {"task": self._task, **({"address": self._address} if self._address else {})}
        connection.send(self._stream, swarm.answers.first(CDS, self._node_id, ours))

    def _gone(self, why: str) -> None:
        self._connection = None
        if self._swarm.closing:
            return
        self._swarm.refuse(why)
        if self._ready:
            self._swarm.ready -= 1
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2**self._tries) * random.uniform(0.5, 1)
        self._tries += 1
        self._swarm.loop.later(wait, self.connect)

    def _ended(self, why: str) -> None:
        if self._connection is not None:
            self._connection.abort(why)

    def _ask(
        self, type_url: str, names: tuple[str, ...], version: str = "", nonce: bytes = b""
    ) -> None:
        assert self._connection is not None
        assert self._stream is not None
        made = self._swarm.answers.request(type_url, names, version, nonce)
        self._connection.send(self._stream, made)

    def _heard(self, message: bytes) -> None:
        swarm = self._swarm
        answer, nonce = swarm.answers.read(message, self._own)
        type_url, names = answer.type_url, self._names
        if type_url == RDS:
            swarm.changed(time.monotonic())
        repeated = () if swarm.delta else names.get(type_url, ())
        self._ask(type_url, repeated, answer.version, nonce)
        if not swarm.delta:
            self._last[type_url] = answer.version, nonce
        if type_url == CDS:
            self._need(EDS, answer.names)
        elif type_url == EDS and LDS not in names:
            names[LDS] = ()
            self._ask(LDS, ())
        elif type_url == LDS:
            self._need(RDS, answer.names)
        elif type_url == RDS and not self._ready:
            self._ready, self._tries = True, 0
            swarm.told()

    def _need(self, type_url: str, needed: tuple[str, ...]) -> None:
        """Ask for what the clusters, or listeners, of a response need. In delta a response has
        only those that have changed; what is needed no more stays asked for.
        """
        known = self._names.get(type_url)
        if known is None:
            self._names[type_url] = needed
            self._ask(type_url, needed)
        elif not self._swarm.delta:
            if needed != known:
                self._names[type_url] = needed
                self._ask(type_url, needed, *self._last.get(type_url, ()))
        elif new := tuple(name for name in needed if name not in known):
            self._names[type_url] = known + new
            self._ask(type_url, new)


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


def _run() -> None:
    loop = Loop()
    swarm: Swarm | None = None

    def line(text: str) -> None:
        nonlocal swarm
        if swarm is None:
            swarm = Swarm(loop, json.loads(text))
            gc.freeze()
            gc.disable()
        else:
            swarm.ordered(text.strip())

    loop.run(line)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    _run()
