"""The policies of roles, as IAM has them: in memory for a moment, since a task calls often."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tealmesh.aws.callers.policies import Document
from tealmesh.model.clock import SteadyClock

_KEPT_SECONDS = 5.0


@dataclass(frozen=True)
class Role:
    """A role, with what its policies say."""

    arn: str
    unique_id: str
    """One that is deleted and made anew has another."""
    documents: Sequence[Document]


class RolePolicies:
    """Reads roles and their policies from IAM, by boto3."""

    def __init__(self, iam: Callable[[], Any], clock: SteadyClock) -> None:
        """``iam`` makes a client, which has no types: hence Any."""
        self._iam = iam
        self._clock = clock
        self._kept: dict[str, tuple[float, Role | None]] = {}
        self._changes = 0
        self._reading = asyncio.Lock()

    async def of(self, role: str) -> Sequence[Document]:
        """The documents of a role, by its ARN; none if there is no such role."""
        return await self.find(role) or ()

    async def find(self, role: str) -> Sequence[Document] | None:
        """The documents of a role, by its ARN; None if there is no such role."""
        found = await self.role(role)
        return found.documents if found else None

    async def role(self, role: str) -> Role | None:
        """A role, by its ARN, of which the path may be absent; None if there is no such role."""
        async with self._reading:
            kept = self._kept.get(role)
            if kept is None or self._clock() - kept[0] > _KEPT_SECONDS:
                now, changes = self._clock(), self._changes
                kept = (now, await asyncio.to_thread(self._read, role))
                self._kept = {r: k for r, k in self._kept.items() if now - k[0] <= _KEPT_SECONDS}
                if changes == self._changes:
                    self._kept[role] = kept
            return kept[1]

    def forget(self) -> None:
        """Something in IAM has changed."""
        self._changes += 1
        self._kept.clear()

    def _read(self, arn: str) -> Role | None:
        iam, name = self._iam(), arn.rpartition("/")[2]
        documents: list[Document] = []
        try:
            role = iam.get_role(RoleName=name)["Role"]
            for page in iam.get_paginator("list_role_policies").paginate(RoleName=name):
                for inline in page["PolicyNames"]:
                    found = iam.get_role_policy(RoleName=name, PolicyName=inline)
                    documents.append(found["PolicyDocument"])
            for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name):
                for policy in page["AttachedPolicies"]:
                    with suppress(iam.exceptions.NoSuchEntityException):  # deleted meanwhile
                        documents.append(self._managed(iam, policy["PolicyArn"]))
        except iam.exceptions.NoSuchEntityException:
            return None
        return Role(role["Arn"], role["RoleId"], documents)

    def _managed(self, iam: Any, arn: str) -> Document:
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=arn, VersionId=version)
        document: Document = found["PolicyVersion"]["Document"]
        return document
