"""Publishes the newest observations of the deployments that this replica works on, which are not
stored, and reads those of the replica that does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

import sqlalchemy as sa

from tealmesh.model.errors import TealError
from tealmesh.replicas.calls import Calls, Connect
from tealmesh.store.database.schema import replica_deployments as deployments

log = logging.getLogger(__name__)

SECONDS = 0.5
"""How often: so no observation is shown more than a second late."""

Bodies = Mapping[str, str]
"""Deployments as JSON, by id."""
_Version = tuple[str, int]
"""Who has published a deployment, and as what number of its own."""


class SharedDeployments:
    """`run` must run as long as the replica does. ``own`` are those that are worked on here, None
    while another replica works on all; ``heard`` is given what that one has published; ``running``
    tells whether any deployment is unfinished.
    """

    def __init__(
        self,
        connect: Connect,
        replica: str,
        own: Callable[[], Bodies | None],
        heard: Callable[[Bodies], None],
        running: Callable[[], bool],
    ) -> None:
        self._calls = Calls(connect, "deployments", 5.0)
        self._replica = replica
        self._own = own
        self._heard = heard
        self._running = running
        self._number = 0
        self._published: Bodies = {}
        self._known: dict[str, tuple[_Version, str]] = {}

    async def run(self) -> None:
        """Publish or read until cancelled."""
        while True:
            try:
                await self._once()
            except (TealError, sa.exc.SQLAlchemyError, TimeoutError) as error:
                log.debug("what deployments have observed is not shared: %s", error)
                self._published = {}
            await asyncio.sleep(SECONDS)

    async def close(self) -> None:
        await self._calls.close()

    async def _once(self) -> None:
        own = self._own()
        if own is not None:
            if own != self._published:
                self._number += 1
                await self._calls.call(self._write, own, self._number)
                self._published = own
            self._take({})
            return
        self._published = {}
        self._take(await self._calls.call(self._read) if self._running() else {})

    def _take(self, found: dict[str, tuple[_Version, str]]) -> None:
        if found != self._known:
            self._known = found
            self._heard({identity: body for identity, (_, body) in found.items()})

    def _write(self, connection: sa.Connection, own: Bodies, number: int) -> None:
        connection.execute(sa.delete(deployments).where(deployments.c.id.not_in(list(own))))
        for identity, body in own.items():
            row = {"replica": self._replica, "number": number, "body": body}
            mine = deployments.c.id == identity
            if not connection.execute(sa.update(deployments).where(mine).values(**row)).rowcount:
                connection.execute(sa.insert(deployments).values(id=identity, **row))

    def _read(self, connection: sa.Connection) -> dict[str, tuple[_Version, str]]:
        versions = sa.select(deployments.c.id, deployments.c.replica, deployments.c.number)
        found: dict[str, tuple[_Version, str]] = {}
        for identity, replica, number in connection.execute(versions).all():
            known = self._known.get(identity)
            if known is not None and known[0] == (replica, number):
                found[identity] = known
                continue
            query = sa.select(deployments.c.body).where(deployments.c.id == identity)
            body = connection.execute(query).scalar()
            if body is not None:
                found[identity] = (replica, number), body
        return found
