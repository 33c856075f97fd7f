"""The other AWS services of one machine: moto, in a process of its own, at our own port."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tealmesh.apis.appmesh.certificates import IssuedOf
from tealmesh.app.callers.own_iam import OwnIam
from tealmesh.app.envoys.admission import task_of_session
from tealmesh.app.envoys.documents import ByDocuments
from tealmesh.app.envoys.permission import Decider
from tealmesh.app.envoys.role_identity import RoleIdentities
from tealmesh.app.lost_state import JOURNAL
from tealmesh.app.parts.ground import Ground
from tealmesh.app.parts.ports import Iam
from tealmesh.app.settings import AppConfig
from tealmesh.aws.callers.proofs import Proofs
from tealmesh.aws.gateway import Fallback
from tealmesh.aws.moto.apart.front import Apart
from tealmesh.aws.moto.apart.keeper import Keeper
from tealmesh.model.clock import steady_clock, system_clock
from tealmesh.rollout.drivers.aws import fenced


class OwnAws:
    """A `ports.OtherServices`."""

    def __init__(self, ground: Ground, config: AppConfig, moto: Keeper) -> None:
        self._ground = ground
        self.moto = Apart(moto, config.moto_seconds, partial(ground.store.note, JOURNAL))
        self._own = OwnIam(
            lambda: ground.client("iam"), self.moto.key, (config.data_dir / JOURNAL).exists
        )
        self.iam = Iam(self._own.policies.role, self._own.policies.trust, self._own.keys.find)
        self.issued: IssuedOf = self.moto.certificate

    def client(self, service: str, region: str = "") -> Any:
        return self._ground.client(service, region)

    def fenced(self, service: str) -> Any:
        return fenced(self.client(service))

    def decider(self) -> Decider:
        ground = self._ground
        place = (ground.config.region, ground.config.account)
        return ByDocuments(ground.store, self.iam.role, system_clock, *place)

    def role_identities(self, server_id: str) -> RoleIdentities:
        """STS is at our own port."""
        proofs = Proofs(server_id, system_clock, steady_clock, self._ground.endpoint)

        async def find_task(role: str, session: str) -> tuple[str, str] | None:
            return task_of_session(self._ground.store, role, session)

        return RoleIdentities(proofs, self.iam.role, find_task, steady_clock)

    def watching(self, rest: Fallback, changed: Callable[[], None]) -> Fallback:
        """``rest``; what changes in IAM counts from the next call on, and ``changed`` is called."""
        return self._own.watching(rest, changed)
