"""Envoys at a control plane: who is let in, what they get, and what they count."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tealmesh.apis.appmesh.certificates import Certificates
from tealmesh.app.callers.entrance import Entrance
from tealmesh.app.dashboard.tracing import Tracing
from tealmesh.app.envoys.admission import Admission
from tealmesh.app.envoys.bound import ByBindings
from tealmesh.app.envoys.current import Current, head_of
from tealmesh.app.envoys.gone import Gone
from tealmesh.app.envoys.leaving import LeavingServicer
from tealmesh.app.envoys.permission import Permissions
from tealmesh.app.envoys.seen import SeenEnvoys
from tealmesh.app.envoys.server import EnvoyServer, Life
from tealmesh.app.feed import feed
from tealmesh.app.parts.ground import Ground
from tealmesh.app.parts.ports import OtherServices, Worker
from tealmesh.engine.load_balancers.serving import serving_load_balancers
from tealmesh.engine.serving import ServingTasks
from tealmesh.envoy.translate import Translator
from tealmesh.model.clock import steady_clock, system_clock
from tealmesh.model.identity.bindings import watched_bindings
from tealmesh.rollout.metrics.windows import Metrics
from tealmesh.xds.streams.cache import AdsCache


class Streams:
    """The gRPC server, and all that stands behind it."""

    def __init__(
        self, ground: Ground, entrance: Entrance, aws: OtherServices, socket: Path | None = None
    ) -> None:
        """``socket``: where containers of this machine connect to."""
        config, self._store = ground.config, ground.store
        self._supervisor = ground.supervisor
        named = watched_bindings(config.data_dir)
        bound = ByBindings(named, aws.iam.role, aws.decider())
        self.permissions = Permissions(bound, steady_clock)
        self.admission = Admission(
            self._store,
            ground.keys,
            self.permissions,
            system_clock,
            ground.log.tell,
            named,
            aws.role_identities(entrance.server_id),
        )
        self.certificates = Certificates(self._store, aws.client, aws.issued)
        self._serving_tasks = ServingTasks()
        self.cache = AdsCache(Translator().translate, self._serving, steady_clock)
        self.metrics = Metrics(steady_clock)
        self.tracing = Tracing(config, self.admission)
        gone = Gone(self._store, steady_clock)
        ground.replication.share(self.cache, gone)
        ground.replication.count(self.metrics, gone)
        self._presence = ground.replication.presence
        self.seen = SeenEnvoys(self.cache, self.admission)
        self._server = EnvoyServer(
            self.cache,
            self.metrics,
            self.admission,
            self._supervisor,
            config.xds_port,
            socket,
            config.listening.envoys,
            ground.beyond.certificates,
            self.tracing.servicer,
            Life(config.stream_age, config.stream_drain),
            self._current(),
            LeavingServicer(
                self._store, self.admission, self.cache.wait_converged, entrance.server_id
            ),
        )

    def workers(self) -> Iterator[Worker]:
        """What runs as long as the control plane, by its name for people."""
        fed = partial(feed, self._store, self.cache, self.certificates, self._supervisor)
        yield "the feed of Envoys", fed
        yield "the fetching of certificates", self.certificates.run
        yield "the permissions of Envoys", partial(self._server.review, self.permissions.changed)

        if self._presence is not None:
            self._presence.streams = lambda: self._server.streams
            handing_over = partial(self._server.hand_over, self._presence.hands_over)
            yield "the handing over of Envoys", handing_over
            own, served = self._presence.replica, self._presence.served
            yield "the evening out of Envoys", partial(self._server.even_out, own, served)

    async def converged(self, mesh: str, revision: int, timeout: float) -> bool:
        """Whether all Envoys of a mesh run with a revision within ``timeout`` seconds."""
        return (await self.cache.wait_converged(mesh, revision, timeout)).converged

    async def listen(self) -> None:
        """Start the server. Raises TealError if its port is in use."""
        await self._server.start()

    async def drain(self) -> None:
        """Let all Envoys go, one after the other; they keep what they have and connect again."""
        await self._server.drain()

    async def close(self) -> None:
        """End all streams; Envoys keep what they have and connect again."""
        await self._server.close()

    def _current(self) -> Current | None:
        """None for a control plane that has its database alone: it has all that Envoys ever got."""
        if self._presence is None:
            return None
        cut_off = self._presence.hands_over
        return Current(head_of(self._store), self.cache.fed, steady_clock, cut_off)

    def _serving(self, scope: str) -> list[str]:
        """The Envoys that must acknowledge what changes in a mesh, or in a load balancer."""
        view, cut_off = self._store.view, self.admission.cut_off
        tasks = self._serving_tasks.of(view, scope)
        if self.permissions.refuses:
            tasks = [task for task in tasks if not cut_off(task)]
        return [*tasks, *serving_load_balancers(view, scope)]
