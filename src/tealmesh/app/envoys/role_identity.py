"""Envoys that prove by STS which role they have: one's own on this machine with the credentials of
a task, and all of them where the control plane is not on the machine of its Envoys.

Design note 038.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tealmesh.aws.callers.proofs import Proofs
from tealmesh.aws.callers.roles import Role
from tealmesh.model.clock import SteadyClock
from tealmesh.model.errors import (
    EnvoyForbidden,
    EnvoyUnknown,
    EnvoyUnverified,
    ProofRefused,
    ProofUnverified,
)
from tealmesh.model.identity.envoys import Identity, Owner
from tealmesh.model.identity.presigned import AwsIdentity

AGAIN_SECONDS = 3600.0
"""After which an Envoy that is connected has to prove itself by a new token."""
_KEPT = 20_000

FindRole = Callable[[str], Awaitable[Role | None]]
"""ARN of a role -> the role; None if IAM does not know it."""
FindTask = Callable[[str, str], Awaitable[tuple[str, str] | None]]
"""``(role's ARN, session)`` -> ARN and resource of the task that assumed it; None if it is no
task's. Raises EnvoyForbidden for who calls itself like a task and is none, and whatever its client
does if it cannot be asked."""


class RoleIdentities:
    """Who has a role's credentials, as STS and IAM say."""

    def __init__(
        self,
        proofs: Proofs,
        find_role: FindRole,
        find_task: FindTask,
        steady: SteadyClock,
        task_owner: Owner = Owner.TASK,
    ) -> None:
        """``task_owner`` is ROLE where tasks are those of AWS's ECS, so that the role is what is
        known of them.
        """
        self._proofs = proofs
        self._find_role = find_role
        self._find_task = find_task
        self._steady = steady
        self._task_owner = task_owner
        self._connected: dict[str, AwsIdentity] = {}
        """Whom STS named, by token, for streams that go on when their token has expired."""

    def plausible(self, text: str) -> bool:
        """Whether STS would be asked."""
        try:
            self._proofs.check(text)
        except ProofRefused:
            return False
        return True

    async def identity(self, text: str, resource: str, since: float | None) -> Identity:
        """Who an Envoy with this token is, that wants to be ``resource``; ``since``: see
        `model.identity.envoys.Admit`. Raises as `Admit.admit`.
        """
        who = await self._who(text, since)
        if not who.role:
            raise EnvoyUnknown(f"{who.arn} is not a role: an Envoy has the credentials of a role")
        name = f"{who.role}/{who.session}"
        try:
            role = await self._find_role(who.arn)
        except Exception as error:
            # boto3's errors have no common class.
            raise EnvoyUnverified(f"IAM cannot be asked about {who.arn}: {error}") from error
        if role is None:
            raise EnvoyForbidden(f"IAM does not know the role {who.arn}", name=name)
        if role.unique_id != who.unique_id:
            raise EnvoyForbidden(
                f"the role {role.arn} was deleted and created again since the credentials were "
                "issued",
                name=name,
            )
        try:
            task = await self._find_task(role.arn, who.session)
        except EnvoyForbidden as error:
            raise EnvoyForbidden(str(error), name=name) from error
        except Exception as error:
            # boto3's errors have no common class.
            text = f"ECS cannot be asked whether {who.session} is a task of {who.arn}: {error}"
            raise EnvoyUnverified(text) from error
        if task is not None:
            return Identity(self._task_owner, *task, role.arn)
        return Identity(Owner.ROLE, name, resource, role.arn)

    async def _who(self, text: str, since: float | None) -> AwsIdentity:
        if since is not None and self._steady() - since > AGAIN_SECONDS:
            raise EnvoyUnknown("an hour is over: prove again who you are, by a new token")
        if since is not None and (known := self._connected.get(text)):
            return known
        try:
            who = await self._proofs.verify(text)
        except ProofRefused as error:
            raise EnvoyUnknown(str(error)) from error
        except ProofUnverified as error:
            raise EnvoyUnverified(str(error)) from error
        self._connected.pop(text, None)
        self._connected[text] = who
        while len(self._connected) > _KEPT:
            del self._connected[next(iter(self._connected))]
        return who
