"""The gRPC server that Envoys connect to: their configuration, what they count, and traces."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import grpc

from tealmesh.app.host import HOST, listen
from tealmesh.app.transport.certificates import Certificates
from tealmesh.app.transport.sockets import listen_at
from tealmesh.app.transport.tls import for_envoys
from tealmesh.model.errors import TealError
from tealmesh.model.identity.envoys import Admit
from tealmesh.model.listening import Address
from tealmesh.rollout.metrics.servicer import MetricsServicer
from tealmesh.rollout.metrics.windows import Metrics
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.traces.collector import TraceServicer
from tealmesh.xds.cache import AdsCache
from tealmesh.xds.server import AdsServicer

_REVIEW_SECONDS = 60.0
_BURST_SECONDS = 0.2

_OPTIONS = (
    # Otherwise another process of the same user could take Envoys' streams.
    ("grpc.so_reuseport", 0),
    # A request names what an Envoy wants; a report has all of its counters.
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    ("grpc.max_metadata_size", 16 * 1024),
    # An Envoy has two streams on a connection, and four while it connects again.
    ("grpc.max_concurrent_streams", 100),
    ("grpc.max_connection_idle_ms", 60_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
)


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
    ) -> None:
        self._admit = admit
        self._ads = AdsServicer(cache, admit, supervisor)
        self._counted = MetricsServicer(metrics, admit, supervisor)
        self._server = grpc.aio.server(options=_OPTIONS)
        self._port = port
        self._socket = socket
        self._at = at
        self._certificates = certificates
        self._traces = traces

    async def start(self) -> None:
        """Listen. Raises TealError if the port is in use."""
        self._ads.add_to(self._server)
        self._counted.add_to(self._server)
        if self._traces is not None:
            self._traces.add_to(self._server)
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

    async def close(self) -> None:
        """End all streams; Envoys keep what they have and connect again."""
        self._ads.close()
        self._counted.close()
        await self._server.stop(grace=0.2)
