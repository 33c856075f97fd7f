"""What a role may be as AWS's own IAM says: ``iam:SimulatePrincipalPolicy``, with permissions
boundaries and service control policies.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html

For a control plane on AWS. It needs ``iam:SimulatePrincipalPolicy`` and ``iam:GetRole`` on the
roles of its Envoys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from tealmesh.app.envoys.permission import ACTION, arn_of
from tealmesh.aws.callers.roles import Role
from tealmesh.model.arn import Arn
from tealmesh.model.clock import SteadyClock
from tealmesh.store import Store

_AT_ONCE = 4
"""IAM answers a few calls a second, in one region for all; the rest wait."""
_ROLE_SECONDS = 60.0
"""How long a role's unique id is believed. It is asked of every stream once a minute."""


class BySimulation:
    """A `Decider` by IAM's simulation. A role that IAM does not know may be nothing."""

    again_seconds = 240.0
    """So that an answer of the last five minutes is left while IAM throttles us."""

    def __init__(self, iam: Callable[[], Any], store: Store, region: str, account: str) -> None:
        """``iam`` makes a client, which has no types: hence Any."""
        self.unknown: set[str] = set()
        self._iam = iam
        self._store = store
        self._region = region
        self._begin = f"arn:aws:appmesh:{region}:{account}:"
        self._asking = asyncio.Semaphore(_AT_ONCE)

    def version(self) -> object:
        """IAM of AWS does not say when it changes."""
        return None

    async def why_not(self, role: str, resource: str) -> str:
        arn = arn_of(self._store.view, resource, self._begin)
        async with self._asking:
            why = await asyncio.to_thread(self._simulate, role, arn)
        return f"{role} may not {ACTION} on {arn}: {why}" if why else ""

    def _simulate(self, role: str, arn: str) -> str:
        client = self._iam()
        try:
            answer = client.simulate_principal_policy(
                PolicySourceArn=role,
                ActionNames=[ACTION],
                ResourceArns=[arn],
                ContextEntries=self._context(role),
            )
        except client.exceptions.NoSuchEntityException:
            return "IAM does not know the role"
        (result,) = answer["EvaluationResults"]
        return refusal(result)

    def _context(self, role: str) -> list[Mapping[str, object]]:
        """What is known of an Envoy. The simulation knows nothing by itself, and what it lacks
        makes a condition fail.
        """
        known = {"aws:RequestedRegion": self._region, "aws:PrincipalArn": role}
        return [
            {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for name, value in known.items()
        ]


def refusal(result: Mapping[str, Any]) -> str:
    """Why an ``EvaluationResult`` of IAM allows nothing; empty if it does. Whatever is not clearly
    an Allow is none.
    """
    if not result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
        return "a policy of the organization does not allow it"
    boundary = result.get("PermissionsBoundaryDecisionDetail", {})
    if not boundary.get("AllowedByPermissionsBoundary", True):
        return "its permissions boundary does not allow it"
    if result.get("EvalDecision") == "allowed":
        return ""
    if result.get("EvalDecision") == "explicitDeny":
        named = [s.get("SourcePolicyId", "") for s in result.get("MatchedStatements", ())]
        return f"{', '.join(filter(None, named)) or 'a policy'} denies it"
    missing = ", ".join(result.get("MissingContextValues", ()))
    return "no policy of the role allows it" + (
        f" (of an Envoy nobody knows {missing})" if missing else ""
    )


class AwsRoles:
    """`FindRole` by AWS's IAM: who a role is at present. Policies are the simulation's."""

    def __init__(self, iam: Callable[[], Any], clock: SteadyClock) -> None:
        """``iam`` makes a client, which has no types: hence Any."""
        self._iam = iam
        self._clock = clock
        self._kept: dict[str, tuple[float, Role | None]] = {}
        self._asking = asyncio.Lock()

    async def role(self, arn: str) -> Role | None:
        """The role with this ARN, of which the path may be absent, as STS leaves it out. Raises
        whatever boto3 does if IAM cannot be asked.
        """
        async with self._asking:
            kept = self._kept.get(arn)
            now = self._clock()
            if kept is None or now - kept[0] > _ROLE_SECONDS:
                kept = (now, await asyncio.to_thread(self._read, arn))
                self._kept = {r: k for r, k in self._kept.items() if now - k[0] <= _ROLE_SECONDS}
                self._kept[arn] = kept
            return kept[1]

    def _read(self, arn: str) -> Role | None:
        client = self._iam()
        try:
            role = client.get_role(RoleName=arn.rpartition("/")[2])["Role"]
        except client.exceptions.NoSuchEntityException:
            return None
        found = Role(role["Arn"], role["RoleId"], ())
        # Names are unique in an account; a role of another one is not ours to know.
        return found if Arn.parse(found.arn).account == Arn.parse(arn).account else None
