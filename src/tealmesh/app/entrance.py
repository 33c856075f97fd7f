"""The callers of this control plane: their keys, the policies of roles, and who was refused."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tealmesh.app.envoys.admission import task_of_session
from tealmesh.app.envoys.role_identity import RoleIdentities
from tealmesh.app.host import secret
from tealmesh.app.login import Login
from tealmesh.app.lost_state import JOURNAL
from tealmesh.app.settings import AppConfig
from tealmesh.aws.callers.front import Front
from tealmesh.aws.callers.iam_keys import IamKeys
from tealmesh.aws.callers.known import Callers
from tealmesh.aws.callers.proofs import Proofs
from tealmesh.aws.callers.refusals import Refusals
from tealmesh.aws.callers.roles import RolePolicies
from tealmesh.aws.callers.sessions import Sessions
from tealmesh.aws.callers.shapes import caller_identity
from tealmesh.aws.gateway import Fallback
from tealmesh.aws.moto.journal import operation
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.model.clock import steady_clock, system_clock
from tealmesh.model.identity import rings
from tealmesh.model.identity.caller import Principal, speaking
from tealmesh.model.identity.exchanged import ExchangedKeys
from tealmesh.model.identity.iam_keys import IamKeyOf
from tealmesh.model.identity.issued import TaskKeys, owner
from tealmesh.model.identity.keys import Keys
from tealmesh.model.identity.sessions import OF_PROXIES, SessionBody
from tealmesh.seams.tagged import tags_of
from tealmesh.store import Store

if TYPE_CHECKING:
    from tealmesh.aws.callers.oidc.people import People

_FORGET_SECONDS = 3600.0
_WRITERS = frozenset({"iam", "cloudformation"})
"""The services whose operations change policies of roles."""
_READS = re.compile("Describe|Generate|Get|List|Simulate")


class Entrance:
    """What the front of one control plane needs. Raises TealError if the keys are damaged."""

    def __init__(
        self,
        config: AppConfig,
        store: Store,
        keys: Keys,
        connect: Callable[[str], Any],
        of_iam: IamKeyOf,
    ) -> None:
        """``connect`` makes boto3 clients of our own port, which have no types: hence Any.
        ``of_iam`` finds keys of IAM and STS.
        """
        owner(config.data_dir)
        self._store = store
        self.server_id = f"teal-{secret(config.data_dir / 'server-id')[:20]}"
        self.our_secret = secrets.token_urlsafe(30)
        ring = rings.watched(config.data_dir / "task-keys")
        self.task_keys = TaskKeys(lambda: ring().each)
        self.policies = RolePolicies(lambda: connect("iam"), steady_clock)
        self.refusals = Refusals(store)
        exchanged = ExchangedKeys(lambda: keys.logins)
        self._callers = Callers(
            config.data_dir, self.our_secret, self.task_keys, system_clock, exchanged
        )
        self.login = Login(
            self._proofs(config.sts_endpoint), self._callers, exchanged, system_clock, steady_clock
        )
        self.people = _people(config.oidc) if config.oidc is not None else None
        self.sessions = Sessions(
            store, lambda: keys.pages, self._present, system_clock, steady_clock
        )
        self._iam_keys = IamKeys(of_iam, (config.data_dir / JOURNAL).exists)
        self.front = Front(
            self._callers,
            self.policies.role,
            self.refusals.tell,
            steady_clock,
            system_clock,
            self.sessions.of,
            self._iam_keys.find,
            self.policies.trust,
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

    def role_identities(self, endpoint: str) -> RoleIdentities:
        """Who knows Envoys by STS, which is at our own ``endpoint``."""
        proofs = Proofs(self.server_id, system_clock, steady_clock, endpoint)
        find_task = partial(task_of_session, self._store)
        return RoleIdentities(proofs, self.policies.role, find_task, steady_clock)

    async def forget(self) -> None:
        """Delete sessions that have ended, until cancelled."""
        while True:
            await self.sessions.forget()
            await asyncio.sleep(_FORGET_SECONDS)

    def watching(self, rest: Fallback, changed: Callable[[], None]) -> Fallback:
        """``rest``; what changes in IAM counts from the next call on, and ``changed`` is called."""

        def forget() -> None:
            self.policies.forget()
            self._iam_keys.forget()
            changed()

        return _Watching(rest, forget, self.policies)


def _people(file: Path) -> People:
    """Those whom proxies name, as the file says, which is read again when it changes. Raises
    TealError.
    """
    # Few need it, so that what verifies tokens is loaded for them alone.
    from tealmesh.aws.callers.oidc.issuers import IssuersKeys
    from tealmesh.aws.callers.oidc.people import People
    from tealmesh.model.identity.oidc import load
    from tealmesh.model.watched import Watched

    provider = Watched(file, lambda: load(file), load(file)).current
    return People(provider, IssuersKeys(steady_clock, _authorities()), system_clock)


def _authorities() -> ssl.SSLContext:
    """Whom we believe that others are who they say."""
    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)


class _Watching:
    def __init__(self, rest: Fallback, changed: Callable[[], None], policies: RolePolicies) -> None:
        self._rest = rest
        self._changed = changed
        self._policies = policies

    async def answer(self, request: Request, service: str | None, request_id: str) -> Response:
        principal = speaking.get()
        if service == "sts" and principal is not None and principal.role:
            # moto knows the sessions of tasks only until it starts anew.
            role = await self._policies.role(principal.role)
            if operation(request) == "GetCallerIdentity" and role is not None:
                unique_id = principal.unique_id or role.unique_id
                return caller_identity(principal.name, unique_id, request_id)
        response = await self._rest.answer(request, service, request_id)
        if service in _WRITERS and not _READS.match(operation(request)):
            self._changed()
        return response
