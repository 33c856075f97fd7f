"""The callers of this control plane: their keys, the policies of roles, and who was refused."""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from tealmesh.app.callers.login import Login
from tealmesh.app.host import secret
from tealmesh.app.parts.ground import Ground
from tealmesh.app.parts.ports import Iam
from tealmesh.aws.callers.front import Front
from tealmesh.aws.callers.known import Callers
from tealmesh.aws.callers.proofs import Proofs
from tealmesh.aws.callers.refusals import Refusals
from tealmesh.aws.callers.sessions import Sessions
from tealmesh.model.clock import steady_clock, system_clock
from tealmesh.model.identity import rings
from tealmesh.model.identity.caller import Principal
from tealmesh.model.identity.exchanged import ExchangedKeys
from tealmesh.model.identity.issued import TaskKeys, owner
from tealmesh.model.identity.sessions import OF_PROXIES, SessionBody
from tealmesh.seams.tagged import tags_of

if TYPE_CHECKING:
    from tealmesh.aws.callers.oidc.people import People

_FORGET_SECONDS = 3600.0


class Entrance:
    """What the front of one control plane needs. Raises TealError if the keys are damaged."""

    def __init__(self, ground: Ground, iam: Iam) -> None:
        config, store, keys = ground.config, ground.store, ground.keys
        owner(config.data_dir)
        self.server_id = f"teal-{secret(config.data_dir / 'server-id')[:20]}"
        ring = rings.watched(config.data_dir / "task-keys")
        self.task_keys = TaskKeys(lambda: ring().each)
        self.refusals = Refusals(store)
        exchanged = ExchangedKeys(lambda: keys.logins)
        self._callers = Callers(
            config.data_dir, ground.our_secret, self.task_keys, system_clock, exchanged
        )
        self.login = Login(
            self._proofs(config.sts_endpoint), self._callers, exchanged, system_clock, steady_clock
        )
        self.people = _people(config.oidc) if config.oidc is not None else None
        self.sessions = Sessions(
            store, lambda: keys.pages, self._present, system_clock, steady_clock
        )
        self.front = Front(
            self._callers,
            iam.role,
            self.refusals.tell,
            steady_clock,
            system_clock,
            self.sessions.of,
            iam.key,
            iam.trust,
            lambda resources: tags_of(store.view, resources),
        )

    def _proofs(self, endpoint: str) -> Proofs | None:
        """Who asks STS about callers; None if nobody does."""
        if not endpoint:
            return None
        return Proofs(self.server_id, system_clock, steady_clock, endpoint, _authorities())

    def _present(self, session: SessionBody) -> Principal | None:
        if session["origin"].startswith(OF_PROXIES):
            return self.people.present(session) if self.people is not None else None
        return self._callers.present(session["origin"])

    async def forget(self) -> None:
        """Delete sessions that have ended, until cancelled."""
        while True:
            await self.sessions.forget()
            await asyncio.sleep(_FORGET_SECONDS)


def _people(file: Path) -> People:
    """Those whom proxies name, as the file says, which is read again when it changes. Raises
    TealError.
    """
    # Few need it, so that what verifies tokens is loaded for them alone.
    from tealmesh.aws.callers.oidc.issuers import IssuersKeys
    from tealmesh.aws.callers.oidc.people import People
    from tealmesh.model.identity.oidc import load
    from tealmesh.model.identity.watched import Watched

    provider = Watched(file, lambda: load(file), load(file)).current
    return People(provider, IssuersKeys(steady_clock, _authorities()), system_clock)


def _authorities() -> ssl.SSLContext:
    """Whom we believe that others are who they say."""
    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)
