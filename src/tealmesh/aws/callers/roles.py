"""The policies of roles and users, as IAM has them: kept for a moment, since a task calls often."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tealmesh.aws.callers.policies import Document
from tealmesh.aws.callers.trust import TrustPolicy
from tealmesh.model.clock import SteadyClock

_KEPT_SECONDS = 5.0


@dataclass(frozen=True)
class Role:
    """A role, or a user, with what its policies say."""

    arn: str
    unique_id: str
    """One that is deleted and created again has another."""
    documents: Sequence[Document]
    trust: TrustPolicy = field(default_factory=TrustPolicy)
    """Who may assume it; empty for a user."""
    tags: Mapping[str, str] = field(default_factory=dict)
    boundary: Document | None = None
    """Its permissions boundary, which has to allow what the others do."""


class RolePolicies:
    """Reads roles and their policies from IAM, by boto3."""

    def __init__(self, iam: Callable[[], Any], clock: SteadyClock) -> None:
        """``iam`` makes a client, which has no types: hence Any."""
        self._iam = iam
        self._clock = clock
        self._kept: dict[str, tuple[float, Role | None]] = {}
        self._changes = 0
        self._reading = asyncio.Lock()

    async def role(self, role: str) -> Role | None:
        """A role or user, by its ARN, of which the path may be absent; None if there is none."""
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
        found = await self.role(role)
        return found.trust if found is not None and found.arn == role else None

    def forget(self) -> None:
        """Something in IAM has changed."""
        self._changes += 1
        self._kept.clear()

    def _read(self, arn: str) -> Role | None:
        iam, name = self._iam(), arn.rpartition("/")[2]
        try:
            if ":user/" in arn:
                return self._user(iam, name)
            role = iam.get_role(RoleName=name)["Role"]
            documents = self._documents(iam, "role", name)
            boundary = self._boundary(iam, role)
        except iam.exceptions.NoSuchEntityException:
            return None
        trust: TrustPolicy = role["AssumeRolePolicyDocument"]
        return Role(role["Arn"], role["RoleId"], documents, trust, _tags(role), boundary)

    def _user(self, iam: Any, name: str) -> Role:
        """A user, with what its own policies and those of its groups say."""
        user = iam.get_user(UserName=name)["User"]
        documents = self._documents(iam, "user", name)
        for page in iam.get_paginator("list_groups_for_user").paginate(UserName=name):
            for group in page["Groups"]:
                documents += self._documents(iam, "group", group["GroupName"])
        boundary = self._boundary(iam, user)
        return Role(user["Arn"], user["UserId"], documents, tags=_tags(user), boundary=boundary)

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

    def _boundary(self, iam: Any, whose: Mapping[str, Any]) -> Document | None:
        """That of a role or user, as IAM describes it; one that was deleted allows nothing."""
        arn = whose.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        if not arn:
            return None
        try:
            return self._managed(iam, arn)
        except iam.exceptions.NoSuchEntityException:
            return {"Statement": []}

    def _managed(self, iam: Any, arn: str) -> Document:
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=arn, VersionId=version)
        document: Document = found["PolicyVersion"]["Document"]
        return document


def _tags(whose: Mapping[str, Any]) -> Mapping[str, str]:
    return {tag["Key"]: tag["Value"] for tag in whose.get("Tags", ())}
