"""The Envoys of a mesh for people: those that are connected, and those that are refused."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Protocol

from tealmesh.app.envoys.admission import Admission, Refusal, short
from tealmesh.model.convergence import Convergence, EnvoyStatus
from tealmesh.model.ecs.reasons import told
from tealmesh.model.said import say


class Connected(Protocol):
    """What the ADS server knows of its Envoys."""

    def envoys(self, mesh: str, *, pending: bool = True) -> list[EnvoyStatus]: ...

    def unmoved(self, mesh: str) -> object | None: ...

    async def wait_converged(self, mesh: str, revision: int, timeout: float) -> Convergence: ...


@dataclass(frozen=True)
class SeenEnvoys:
    """The Envoys of a mesh for people: those that are refused too."""

    connected: Connected
    admission: Admission

    def envoys(self, mesh: str, *, pending: bool = True) -> list[EnvoyStatus]:
        """By id. A refused one has the reason as its note. ``pending``: as of `AdsCache.envoys`."""
        seen = self.connected.envoys(mesh, pending=pending)
        refused = [r for r in self.admission.refusals.values() if _of_mesh(r, mesh, seen)]
        noted = [_with_refusals(one, refused) for one in seen] if refused else seen
        # It looks at a file, which would be once for each Envoy.
        if self.admission.permissions.unknown:
            noted = [self._noted(one) for one in noted]
        return sorted([*noted, *_strangers(refused, seen)], key=lambda one: one.id)

    def unmoved(self, mesh: str) -> object | None:
        """As of `AdsCache.unmoved`, with what is refused."""
        if self.admission.refusals or self.admission.permissions.unknown:
            return None
        return self.connected.unmoved(mesh)

    def _noted(self, one: EnvoyStatus) -> EnvoyStatus:
        note = "" if one.note else self.admission.unasked(one.id)
        return replace(one, note=note) if note else one

    async def wait_converged(self, mesh: str, revision: int, timeout: float) -> Convergence:
        return await self.connected.wait_converged(mesh, revision, timeout)


def _of_mesh(refusal: Refusal, mesh: str, seen: Collection[EnvoyStatus]) -> bool:
    claimed = short(refusal.resource).split("/")[1:2] == [mesh]
    return claimed or any(one.id == refusal.identity for one in seen)


def _with_refusals(one: EnvoyStatus, refused: Collection[Refusal]) -> EnvoyStatus:
    why = next((r.why for r in refused if r.identity == one.id), "")
    return replace(one, note=_refused_by(why)) if why else one


def _refused_by(why: str) -> str:
    return say("refused: {why}", why=told(why))


def _strangers(refused: Collection[Refusal], seen: Collection[EnvoyStatus]) -> list[EnvoyStatus]:
    known = {one.id for one in seen}
    return [
        EnvoyStatus(r.identity, r.resource, "", False, 0, note=_refused_by(r.why))
        for r in refused
        if r.identity not in known
    ]
