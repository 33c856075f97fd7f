"""The AWS services that a control plane in production calls: those of AWS, or of a `teal up`.

It needs what `workloads.clusters`, `discovery.cloud_map`, `app.envoys.simulation` and
`app.envoys.ecs_tasks` say, and what a deployment does to ECS and Cloud Map (docs/serve.md).
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable, Sequence
from typing import Any

from tealmesh.apis.appmesh.certificates import Issued, IssuedOf
from tealmesh.app.envoys.documents import ByDocuments
from tealmesh.app.envoys.ecs_tasks import EcsTasks
from tealmesh.app.envoys.either import SimulatedOrRead
from tealmesh.app.envoys.permission import Decider
from tealmesh.app.envoys.role_identity import RoleIdentities
from tealmesh.app.envoys.simulation import AwsRoles, BySimulation
from tealmesh.app.parts.ground import Ground
from tealmesh.app.parts.ports import Iam
from tealmesh.app.settings import ServeConfig
from tealmesh.aws.callers.proofs import Proofs
from tealmesh.aws.callers.roles import RolePolicies
from tealmesh.aws.clients import client_of_aws
from tealmesh.model.clock import steady_clock, system_clock
from tealmesh.model.errors import CertificateError
from tealmesh.model.identity.envoys import Owner
from tealmesh.rollout.drivers.aws import fenced
from tealmesh.store import Store, tables

_OURS = frozenset({"appmesh", "tealmesh", "xray"})
"""The services at our own port."""


class AwsEndpoints:
    """A `ports.OtherServices`."""

    def __init__(self, ground: Ground, config: ServeConfig) -> None:
        self._ground = ground
        self._config = config
        self._endpoints = {
            "ecs": config.ecs_endpoint,
            "servicediscovery": config.cloud_map_endpoint,
            "sts": config.sts_endpoint,
        }
        self._clients: dict[tuple[str, str], Any] = {}
        self._making = threading.Lock()
        self.iam = Iam(AwsRoles(self.of("iam"), steady_clock).role)
        self.issued: IssuedOf = _of_load_balancers

    def client(self, service: str, region: str = "") -> Any:
        """One client for all threads, since each has its own connections to AWS."""
        if service in _OURS:
            return self._ground.client(service, region)
        where = region or self._config.region
        with self._making:
            if (service, where) not in self._clients:
                endpoint = self._endpoints.get(service, "")
                self._clients[service, where] = client_of_aws(service, where, endpoint)
            return self._clients[service, where]

    def without_retries(self, service: str) -> Any:
        """A client of our region whose calls are made once, for who asks again by themselves."""
        return client_of_aws(
            service, self._config.region, self._endpoints.get(service, ""), attempts=1
        )

    def fenced(self, service: str) -> Any:
        """AWS knows no fences, and a `teal up` would take ours for its own."""
        return fenced(self.client(service)) if service in _OURS else self.client(service)

    def of(self, service: str) -> Callable[[], Any]:
        """What gives a client of a service in our region."""
        return lambda: self.client(service)

    def decider(self) -> Decider:
        iam, store = self.of("iam"), self._ground.store
        place = (self._config.region, self._config.account)
        policies = RolePolicies(iam, steady_clock)
        documents = ByDocuments(store, policies.role, system_clock, *place)
        return SimulatedOrRead(BySimulation(iam, store, *place), documents)

    def role_identities(self, server_id: str) -> RoleIdentities:
        authorities = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)
        endpoint = self._config.sts_endpoint
        proofs = Proofs(server_id, system_clock, steady_clock, endpoint, authorities)
        named, store = self._config.ecs_clusters, self._ground.store

        def clusters() -> Sequence[str]:
            return named or _known(store)

        tasks = EcsTasks(self.of("ecs"), clusters, steady_clock)
        return RoleIdentities(proofs, self.iam.role, tasks.find, steady_clock, Owner.ROLE)


def _known(store: Store) -> list[str]:
    """The clusters in which services run, as far as they have been read."""
    services = store.view.list(tables.ECS_SERVICES)
    return list(dict.fromkeys(document.key.partition("/")[0] for document in services))


async def _of_load_balancers(arn: str) -> Issued:
    raise CertificateError(f"{arn}: load balancers are AWS's, which have their own certificates")
