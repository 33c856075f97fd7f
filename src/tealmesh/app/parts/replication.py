"""That this control plane is one of several, or the only one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial

from tealmesh.app.parts.ports import Worker
from tealmesh.model.clock import random_id, steady_clock
from tealmesh.model.wire import ControlPlaneStatus
from tealmesh.replicas.counts import SharedCounts
from tealmesh.replicas.deployments import Bodies, SharedDeployments
from tealmesh.replicas.envoys.sharing import SharedEnvoys
from tealmesh.replicas.leases.carried import carried
from tealmesh.replicas.leases.holder import Leases, Work
from tealmesh.replicas.presence.asking import ask
from tealmesh.replicas.presence.deciding import Standing
from tealmesh.replicas.presence.presence import Presence
from tealmesh.rollout.metrics.shared import Elsewhere, Here, packed
from tealmesh.rollout.metrics.windows import Metrics
from tealmesh.store import Store
from tealmesh.xds.streams.cache import AdsCache

ROLLOUTS, TIMERS, DISCOVERY = "rollouts", "timers", "discovery"
"""The leases: of deployments, of what happens when its time has come, and of what is read from AWS.
"""


class Replication:
    """Of a control plane on this store. One on SQLite is the only one."""

    def __init__(self, store: Store, advertise: str = "", *, tls: bool = False) -> None:
        """``advertise``: HOST:PORT where others reach it; ``tls``: whether replicas are reached by
        TLS there.
        """
        self.replica = random_id()
        self._store = store
        self.leases = Leases(
            store.connect, store.guarded, self.replica, steady_clock, sole=not store.shared
        )
        self.presence: Presence | None = None
        if store.shared:
            self.presence = Presence(
                store.connect, self.replica, advertise, partial(ask, tls=tls), steady_clock
            )
        self._envoys: SharedEnvoys | None = None
        self._counts: SharedCounts | None = None
        self._deployments: SharedDeployments | None = None

    def share(self, cache: AdsCache, known_gone: Callable[[str], bool]) -> None:
        """Let ``cache`` know of the Envoys of the whole mesh, and others of this one's.
        ``known_gone`` tells of an Envoy that it will never connect again.
        """
        if self.presence is None:
            return
        self._envoys = cache.elsewhere = SharedEnvoys(
            self._store.connect,
            self.replica,
            cache.here,
            self.others,
            cache.waiting.all,
            cache.waiting.active,
            known_gone,
            steady_clock,
        )
        cache.moved = self._envoys.moved

    def count(self, metrics: Metrics, known_gone: Callable[[str], bool]) -> None:
        """Let ``metrics`` count what callers' Envoys at other replicas report, and others what
        those here do.
        """
        if self.presence is None:
            return
        here = metrics.here = Here()
        self._counts = SharedCounts(
            self._store.connect,
            self.replica,
            partial(here.body, connected=metrics.counts_here),
            packed,
            Elsewhere(metrics),
            self.others,
            known_gone,
            steady_clock,
        )

    def show(
        self,
        own: Callable[[], Bodies | None],
        heard: Callable[[Bodies], None],
        running: Callable[[], bool],
    ) -> None:
        """Let other replicas show what deployments observe that are worked on here, and this one
        what those do, as of `SharedDeployments`.
        """
        if self.presence is not None:
            self._deployments = SharedDeployments(
                self._store.connect, self.replica, own, heard, running
            )

    def once(self, lease: str, work: Work) -> Work:
        """``work`` that happens at one replica at a time."""
        return partial(self.leases.run_leased, lease, work)

    def carried(self, token: str) -> AbstractContextManager[None]:
        """What a request writes in that carries this lease."""
        return carried(self._store.guarded, token)

    def others(self) -> Mapping[str, Standing]:
        """The other replicas, by id."""
        return {} if self.presence is None else self.presence.others()

    def control_planes(self) -> Sequence[ControlPlaneStatus]:
        """All that share the database; none where this one is alone."""
        return () if self.presence is None else self.presence.control_planes()

    def health(self) -> dict[str, str]:
        """What others are told, so that they know who is there."""
        # One that cannot be written to is no reason to send Envoys here.
        lacks = self._store.away() or self._store.refusing()
        return {"replica": self.replica, "database": "away" if lacks else "ok"}

    def workers(self) -> Iterator[Worker]:
        if self.presence is not None:
            yield "the presence of this replica", self.presence.run
        if self._envoys is not None:
            yield "the publishing of Envoys", self._envoys.publish
            yield "the reading of Envoys elsewhere", self._envoys.follow
        if self._counts is not None:
            yield "the counts of all replicas", self._counts.run
        if self._deployments is not None:
            yield "the observations of deployments", self._deployments.run

    async def give_up(self) -> None:
        """Stop what happens at one replica at a time, so that another one takes it on at once."""
        await self.leases.give_up()

    async def close(self) -> None:
        """Let others take on what was done here, at once."""
        await self.leases.close()
        if self._envoys is not None:
            await self._envoys.close()
        if self._counts is not None:
            await self._counts.close()
        if self._deployments is not None:
            await self._deployments.close()
