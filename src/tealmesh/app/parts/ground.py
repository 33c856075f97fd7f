"""What all parts of a control plane stand on."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tealmesh.app.host import endpoint
from tealmesh.app.parts.replication import Replication
from tealmesh.app.settings import CommonConfig, ServeConfig
from tealmesh.app.transport.tls import Beyond
from tealmesh.app.troubles import TroubleLog
from tealmesh.aws.clients import client
from tealmesh.model.identity.keys import Keys
from tealmesh.store import Store
from tealmesh.supervision.supervisor import Supervisor


@dataclass(frozen=True)
class Ground:
    """Configuration, state and secrets, and the calls to our own port."""

    config: CommonConfig
    store: Store
    stop: asyncio.Event
    """Ends the control plane."""
    supervisor: Supervisor
    keys: Keys
    log: TroubleLog
    beyond: Beyond
    our_secret: str = field(default_factory=lambda: secrets.token_urlsafe(30), repr=False)
    """What our own calls are signed with."""

    @cached_property
    def replication(self) -> Replication:
        """What it shares with other replicas on the same database."""
        config = self.config
        advertise = config.advertise if isinstance(config, ServeConfig) else ""
        loopback = advertise.rpartition(":")[0] in ("127.0.0.1", "localhost", "[::1]")
        tls = self.beyond.certificates is not None and not loopback
        return Replication(self.store, advertise, tls=tls)

    @property
    def endpoint(self) -> str:
        """The URL of the API on loopback."""
        return endpoint(self.config)

    def client(self, service: str, region: str = "") -> Any:
        """A boto3 client of our own port, which has no types; by default in our own region."""
        where = region or self.config.region
        return client(service, self.endpoint, where, secret=self.our_secret)
