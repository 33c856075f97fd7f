"""The policies of roles and users, as IAM has them: kept for a moment, since a task calls often."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from tealmesh.aws.callers.policies import Document
from tealmesh.aws.callers.trust import TrustPolicy
from tealmesh.model.clock import SteadyClock

_KEPT_SECONDS = 5.0


class RolePolicies:
    """Reads the policies of roles from IAM, by boto3."""

    def __init__(self, iam: Callable[[], Any], clock: SteadyClock) -> None:
        """``iam`` makes a client, which has no types: hence Any."""
        self._iam = iam
        self._clock = clock
        self._kept: dict[str, tuple[float, Sequence[Document] | None]] = {}
        self._changes = 0
        self._reading = asyncio.Lock()

    async def of(self, role: str) -> Sequence[Document]:
        """The documents of a role or user, by its ARN; none if there is no such one."""
        return await self.find(role) or ()

    async def find(self, role: str) -> Sequence[Document] | None:
        """The documents of a role or user, by its ARN; None if there is no such one."""
        async with self._reading:
            kept = self._kept.get(role)
            if kept is None or self._clock() - kept[0] > _KEPT_SECONDS:
                now, changes = self._clock(), self._changes
                kept = (now, await asyncio.to_thread(self._read, role))
                self._kept = {r: k for r, k in self._kept.items() if now - k[0] <= _KEPT_SECONDS}
                if changes == self._changes:
                    self._kept[role] = kept
            return kept[1]

    async def trust(self, role: str) -> TrustPolicy | None:
        """The trust policy of a role, by its ARN; None if there is no such role."""
        return await asyncio.to_thread(self._trust, role)

    def _trust(self, arn: str) -> TrustPolicy | None:
        iam = self._iam()
        try:
            role = iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]
        except iam.exceptions.NoSuchEntityException:
            return None
        policy: TrustPolicy = role["AssumeRolePolicyDocument"]
        return policy if role["Arn"] == arn else None

    def forget(self) -> None:
        """Something in IAM has changed."""
        self._changes += 1
        self._kept.clear()

    def _read(self, arn: str) -> Sequence[Document] | None:
        iam, name = self._iam(), arn.rpartition("/")[2]
        try:
            if ":user/" not in arn:
                return self._documents(iam, "role", name)
            documents = self._documents(iam, "user", name)
            for page in iam.get_paginator("list_groups_for_user").paginate(UserName=name):
                for group in page["Groups"]:
                    documents += self._documents(iam, "group", group["GroupName"])
        except iam.exceptions.NoSuchEntityException:
            return None
        return documents

    def _documents(self, iam: Any, kind: str, name: str) -> list[Document]:
        """Those of a role, user or group."""
        documents: list[Document] = []
        whose = {f"{kind.title()}Name": name}
        for page in iam.get_paginator(f"list_{kind}_policies").paginate(**whose):
            for inline in page["PolicyNames"]:
                found = getattr(iam, f"get_{kind}_policy")(**whose, PolicyName=inline)
                documents.append(found["PolicyDocument"])
        for page in iam.get_paginator(f"list_attached_{kind}_policies").paginate(**whose):
            for policy in page["AttachedPolicies"]:
                with suppress(iam.exceptions.NoSuchEntityException):  # deleted meanwhile
                    documents.append(self._managed(iam, policy["PolicyArn"]))
        return documents

    def _managed(self, iam: Any, arn: str) -> Document:
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=arn, VersionId=version)
        document: Document = found["PolicyVersion"]["Document"]
        return document
