"""Policies of roles, evaluated by ourselves: on one machine, whose IAM has no simulation."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from tealmesh.app.envoys.permission import ACTION, FindRole, arn_of
from tealmesh.aws.callers import context
from tealmesh.aws.callers.patterns import Context
from tealmesh.aws.callers.policies import EVERYTHING, Asked, why_not
from tealmesh.aws.callers.roles import Role
from tealmesh.model.arn import DEFAULT_ACCOUNT, DEFAULT_REGION
from tealmesh.model.clock import Clock
from tealmesh.model.identity.envoys import EnvoyRoleBody
from tealmesh.store import Store, Transaction, View, tables

_log = logging.getLogger(__name__)


class ByDocuments:
    """A `Decider` by the documents of the role that IAM here has."""

    again_seconds = 60.0
    """What changes by IAM's own API counts at once."""

    def __init__(
        self,
        store: Store,
        find: FindRole,
        wall: Clock,
        region: str = DEFAULT_REGION,
        account: str = DEFAULT_ACCOUNT,
    ) -> None:
        self.unknown: set[str] = set()
        """Roles that IAM did not know when it was asked last, and never did."""
        self._store = store
        self._find = find
        self._wall = wall
        self._begin = f"arn:aws:appmesh:{region}:{account}:"

    def version(self) -> object:
        """Who changes IAM says so (`Permissions.forget`)."""
        return None

    async def why_not(self, role: str, resource: str) -> str:
        found = await self._find(role)
        if found is None:
            return self._without(role)
        self.unknown.discard(role)
        await self._remember(role)
        arn = arn_of(self._store.view, resource, self._begin)
        why = self._refusal(found, arn)
        if why is None or self._is_copied(found, resource, arn):
            return ""
        return f"{role} may not {ACTION} on {arn}: {why}"

    def _without(self, role: str) -> str:
        """Roles are often left out on one machine, where nothing else needs them; one that was
        there and was deleted is meant.
        """
        if self._store.view.get(tables.ENVOY_ROLES, role) is not None:
            return f"{role}, the role of its task, has been deleted"
        if role not in self.unknown:
            self.unknown.add(role)
            _log.warning("IAM does not know %s: what its tasks' Envoys may is not asked", role)
        return ""

    async def _remember(self, role: str) -> None:
        if self._store.view.get(tables.ENVOY_ROLES, role) is None:
            body: EnvoyRoleBody = {"roleArn": role}

            def put(tx: Transaction) -> None:
                tx.put(tables.ENVOY_ROLES, role, body=body)

            await self._store.write("tealmesh", "SeenRole", put)

    def _refusal(self, role: Role, arn: str) -> str | None:
        """Why its policies and its boundary refuse a node; None if they allow it."""
        asked = Asked(ACTION, (arn,))
        return why_not(role.documents, asked, self._context(role, arn), role.boundary)

    def _context(self, role: Role, arn: str) -> Context:
        region = {"aws:requestedregion": (arn.split(":")[3],)}
        now = context.at(self._wall())
        return {**context.of_principal(role.arn, role.unique_id), **region, **now}

    def _is_copied(self, role: Role, resource: str, arn: str) -> bool:
        """Whether it is a side that `teal deploy` makes from the other one, which the role may
        have: what Terraform wrote names only the sides that it made. An explicit Deny counts.
        """
        limits = [role.boundary] if role.boundary else []
        alone = [*role.documents, *limits, EVERYTHING]
        if why_not(alone, Asked(ACTION, (arn,)), self._context(role, arn)) is not None:
            return False
        view = self._store.view
        others = [arn_of(view, other, self._begin) for other in _other_sides(view, resource)]
        return any(self._refusal(role, other) is None for other in others)


def _other_sides(view: View, resource: str) -> Iterator[str]:
    """The nodes whose counterpart this one is in a service that was deployed by `teal deploy`."""
    _, mesh, _, name = resource.split("/")
    for document in view.list(tables.ADOPTED):
        nodes = [side["virtual_node"] for side in document.body["found"]]
        if document.body["mesh"] == mesh and name in nodes:
            yield from (f"mesh/{mesh}/virtualNode/{one}" for one in nodes if one != name)
