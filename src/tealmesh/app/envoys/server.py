"""The gRPC server that Envoys connect to: their configuration, what they count, and traces."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tealmesh.app.envoys.leaving import LeavingServicer
from tealmesh.app.host import HOST, listen
from tealmesh.app.transport.certificates import Certificates
from tealmesh.app.transport.sockets import listen_at
from tealmesh.app.transport.tls import for_envoys
from tealmesh.http2.server import Server
from tealmesh.model.errors import TealError
from tealmesh.model.identity.envoys import Admit
from tealmesh.model.plane.listening import Address
from tealmesh.rollout.metrics.servicer import MetricsServicer
from tealmesh.rollout.metrics.windows import Metrics
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.traces.collector import TraceServicer
from tealmesh.xds.streams import balance
from tealmesh.xds.streams.cache import AdsCache
from tealmesh.xds.streams.opening import Current
from tealmesh.xds.streams.server import AdsServicer

_log = logging.getLogger(__name__)

_REVIEW_SECONDS = 60.0
_BURST_SECONDS = 0.2

_OPTIONS = (
    # A request names what an Envoy wants; a report has all of its counters.
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    ("grpc.max_metadata_size", 16 * 1024),
    # An Envoy has two streams on a connection, and four while it connects again.
    ("grpc.max_concurrent_streams", 100),
    ("grpc.max_connection_idle_ms", 60_000),
    # When thousands connect at once, those of a busy machine greet late.
    ("grpc.server_handshake_timeout_ms", 30_000),
    # An Envoy whose machine vanished, or a NAT that forgot its connection, says nothing at all.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)

_AGE_GRACE_SECONDS = 5.0
"""From the word that a connection ends to its end."""


@dataclass(frozen=True)
class Life:
    """How long connections of Envoys last."""

    age: float = 0.0
    """Seconds after which one is ended, give or take a tenth, so that the Envoy connects again,
    perhaps elsewhere; 0 for never."""
    drain: float = 0.0
    """Seconds over which all are ended when the control plane stops."""

    def options(self) -> tuple[tuple[str, int], ...]:
        """Of the server, which adds the tenth by itself."""
        if not self.age:
            return ()
        return (
            ("grpc.max_connection_age_ms", round(self.age * 1000)),
            ("grpc.max_connection_age_grace_ms", round(_AGE_GRACE_SECONDS * 1000)),
        )


ALONE = Life()
"""Of the only control plane: there is nowhere else to go."""


class EnvoyServer:
    """ADS, the metrics service and that of traces, on loopback and on a Unix socket for containers,
    and beyond loopback ``at`` an address, with TLS if there are ``certificates``.
    """

    def __init__(
        self,
        cache: AdsCache,
        metrics: Metrics,
        admit: Admit,
        supervisor: Supervisor,
        port: int,
        socket: Path | None,
        at: Address | None = None,
        certificates: Certificates | None = None,
        traces: TraceServicer | None = None,
        life: Life = ALONE,
        current: Current | None = None,
        leaving: LeavingServicer | None = None,
    ) -> None:
        self._admit = admit
        self._life = life
        self._ads = AdsServicer(cache, admit, supervisor, current)
        self._counted = MetricsServicer(metrics, admit, supervisor)
        self._server = Server((*_OPTIONS, *life.options()))
        self._port = port
        self._socket = socket
        self._at = at
        self._certificates = certificates
        self._traces = traces
        self._drained = False
        self._leaving = leaving

    async def start(self) -> None:
        """Listen. Raises TealError if the port is in use."""
        self._ads.add_to(self._server)
        self._counted.add_to(self._server)
        if self._traces is not None:
            self._traces.add_to(self._server)
        if self._leaving is not None:
            self._leaving.add_to(self._server)
        with listen(self._port, "--xds-port"):
            pass  # Its error says what is wrong with the port; gRPC's does not.
        try:
            self._server.add_insecure_port(f"{HOST}:{self._port}")
        except RuntimeError as error:
            raise TealError(f"port {self._port}, for Envoys: {error}") from error
        if self._socket is not None:
            # Its directory is mounted into containers, so that they see a new socket too.
            self._socket.parent.mkdir(exist_ok=True)
            self._socket.parent.chmod(0o755)
            self._socket.unlink(missing_ok=True)
            self._server.add_insecure_port(f"unix:{self._socket}")
        if self._at is not None:
            self._listen_beyond(self._at)
        await self._server.start()
        if self._socket is not None:
            # Envoys in containers run as other users. Each is authenticated by its token.
            self._socket.chmod(0o666)

    def _listen_beyond(self, at: Address) -> None:
        with listen_at(at, "--xds-listen"):
            pass
        try:
            if self._certificates is None:
                self._server.add_insecure_port(str(at))
            else:
                self._server.add_secure_port(str(at), for_envoys(self._certificates))
        except RuntimeError as error:
            raise TealError(f"{at}, for Envoys: {error}") from error

    async def review(self, changed: asyncio.Event) -> None:
        """Ask again and again, and after each change, whether those that are connected may be;
        until cancelled.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REVIEW_SECONDS):
                    await changed.wait()
                    # Terraform changes several things at once.
                    await asyncio.sleep(_BURST_SECONDS)
            changed.clear()
            await self._ads.review()
            self._admit.forget_ended()

    async def even_out(self, own: str, counts: Callable[[], Mapping[str, int]]) -> None:
        """Let Envoys go while this replica, ``own``, has many more than the others have by
        ``counts``, and nearly all have come that will; until cancelled.
        """
        before: Mapping[str, int] = {}
        while True:
            await asyncio.sleep(balance.SECONDS)
            streams = dict(counts())
            more = balance.surplus(own, streams) if balance.settled(before, streams) else 0
            if more:
                self._ads.shed(more)
            before = streams

    async def hand_over(self, cut_off: Callable[[], bool]) -> None:
        """Let all Envoys go while this replica alone is ``cut_off`` from the database; until
        cancelled.
        """
        while True:
            await asyncio.sleep(balance.SECONDS)
            if cut_off() and self.streams:
                _log.warning("cut off from the database alone: %d Envoys are let go", self.streams)
                self._ads.shed(self.streams)

    @property
    def streams(self) -> int:
        """How many Envoys get their configuration here."""
        return self._ads.streams

    async def drain(self) -> None:
        """End all streams, one after the other; Envoys keep what they have and connect again. New
        ones find nobody from the beginning of that.
        """
        self._drained = True
        stopping = asyncio.create_task(self._server.stop(grace=self._life.drain + 0.2))
        await asyncio.sleep(0)
        await self._ads.drain(self._life.drain)
        self._counted.close()
        await stopping

    async def close(self) -> None:
        """End all streams, unless that has happened."""
        if not self._drained:
            await self.drain()
