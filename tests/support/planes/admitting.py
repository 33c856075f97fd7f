"""Who lets Envoys in, in tests without a whole control plane."""

from __future__ import annotations

import json
from pathlib import Path

from tealmesh.app.envoys.admission import Admission
from tealmesh.app.envoys.documents import ByDocuments
from tealmesh.app.envoys.permission import Permissions
from tealmesh.envoy.bootstrap.identity import token_secret
from tealmesh.model.clock import steady_clock, system_clock
from tealmesh.model.errors import EnvoyUnknown
from tealmesh.model.identity.envoys import SCHEME, Admit
from tealmesh.model.identity.keys import Keys
from tealmesh.store.store import Store


class Shared:
    """`Admit` by one token that all have in common: each is what it says."""

    def __init__(self, token: str) -> None:
        self._expected = f"{SCHEME}{token}"

    def known(self, given: str) -> bool:
        return given == self._expected

    def forget_ended(self) -> None:
        pass

    async def identify(self, given: str, node_id: str, declared: str) -> str:
        return await self.admit(given, node_id, declared)

    async def admit(
        self, given: str, node_id: str, declared: str, since: float | None = None
    ) -> str:
        return self.admit_at_once(given, node_id, declared)

    def admit_at_once(self, given: str, node_id: str, declared: str) -> str:
        if given != self._expected:
            raise EnvoyUnknown("the control plane expects 'authorization: Bearer TOKEN'")
        return declared


def admission(store: Store, keys: Keys) -> Admit:
    """The control plane's own."""
    permissions = Permissions(ByDocuments(store, no_roles, system_clock), steady_clock)
    return Admission(store, keys, permissions, system_clock, lambda how, trouble: None)


async def no_roles(role: str) -> None:
    """An IAM without roles."""


def secret_file(directory: Path, token: str) -> str:
    """A file with the token, for an Envoy's bootstrap; its path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "token.json"
    path.touch(0o600)
    path.write_text(json.dumps(token_secret(token)))
    return str(path.resolve())
