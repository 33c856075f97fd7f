"""``iam:SimulatePrincipalPolicy`` of one machine, from the documents that its IAM has.

moto has no such operation. A `teal serve` whose cloud is a `teal up` asks it about its Envoys.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NotRequired, TypedDict, cast

from tealmesh.aws.callers.patterns import Context
from tealmesh.aws.callers.policies import EVERYTHING, Asked, Document, missing, why_not
from tealmesh.aws.callers.roles import Role, RolePolicies
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller

_NOT_EVALUATED = ("ResourcePolicy", "ResourceOwner", "ResourceHandlingOption", "CallerArn")


class ContextEntry(TypedDict, total=False):
    """A key of the request that is simulated."""

    ContextKeyName: str
    ContextKeyValues: Sequence[str]
    ContextKeyType: str


class Simulated(TypedDict):
    """The request, of members that are read here."""

    PolicySourceArn: str
    ActionNames: Sequence[str]
    ResourceArns: NotRequired[Sequence[str]]
    ContextEntries: NotRequired[Sequence[ContextEntry]]
    PolicyInputList: NotRequired[Sequence[str]]
    PermissionsBoundaryPolicyInputList: NotRequired[Sequence[str]]


class Boundary(TypedDict):
    """What the permissions boundary says."""

    AllowedByPermissionsBoundary: bool


class Result(TypedDict):
    """Of one action on one resource."""

    EvalActionName: str
    EvalResourceName: str
    EvalDecision: Literal["allowed", "explicitDeny", "implicitDeny"]
    MatchedStatements: Sequence[str]
    """Nobody knows here which policy a document is of: always empty."""
    MissingContextValues: Sequence[str]
    PermissionsBoundaryDecisionDetail: NotRequired[Boundary]


class Results(TypedDict):
    """The answer."""

    EvaluationResults: Sequence[Result]
    IsTruncated: bool


class Simulation:
    """An `aws.overlay.Api` of that operation alone."""

    def __init__(self, policies: RolePolicies) -> None:
        self._policies = policies

    async def simulate_principal_policy(self, caller: Caller, request: Simulated) -> Results:
        for member in _NOT_EVALUATED:
            if request.get(member):
                raise _invalid(f"{member} is not evaluated here: leave it out")
        source = request["PolicySourceArn"]
        found = await self._policies.role(source)
        if found is None:
            raise AwsError("NoSuchEntity", f"there is no role or user {source}", status=404)
        return {"EvaluationResults": list(simulated(found, request)), "IsTruncated": False}

    async def check(self, caller: Caller, operation: str, request: Any) -> None:
        """Nothing else comes here."""

    async def changed(self, caller: Caller) -> None:
        """Nothing else comes here."""


def simulated(whose: Role, request: Simulated) -> Iterator[Result]:
    """The result of each action on each resource. Raises AwsError. Pure."""
    further = request.get("PolicyInputList", ())
    documents = [*whose.documents, *_documents("PolicyInputList", further)]
    limits_given = request.get("PermissionsBoundaryPolicyInputList", ())
    boundaries = _documents("PermissionsBoundaryPolicyInputList", limits_given)
    boundary = boundaries[0] if boundaries else whose.boundary
    context = _context(request)
    limits = [] if boundary is None else [boundary]
    lacking = sorted(missing([*documents, *limits], context))
    for action in request["ActionNames"]:
        for resource in request.get("ResourceArns") or ["*"]:
            asked = Asked(action, (resource,))
            allowed = why_not(documents, asked, context) is None
            within = boundary is None or why_not([boundary], asked, context) is None
            # With everything allowed besides, only a Deny refuses.
            denied = why_not([*documents, *limits, EVERYTHING], asked, context) is not None
            decision: Literal["allowed", "explicitDeny", "implicitDeny"] = (
                "explicitDeny" if denied else "allowed" if allowed and within else "implicitDeny"
            )
            result: Result = {
                "EvalActionName": action,
                "EvalResourceName": resource,
                "EvalDecision": decision,
                "MatchedStatements": (),
                "MissingContextValues": lacking,
            }
            if boundary is not None:
                result["PermissionsBoundaryDecisionDetail"] = {
                    "AllowedByPermissionsBoundary": within
                }
            yield result


def _documents(member: str, texts: Sequence[str]) -> Sequence[Document]:
    """Documents that the request has as texts."""
    found = []
    for text in texts:
        try:
            document = json.loads(text)
            statements = document["Statement"]
        except (ValueError, RecursionError, KeyError, TypeError) as error:
            raise _invalid(f"{member}: {text[:100]!r} is not a policy document") from error
        if not isinstance(statements, dict | list):
            raise _invalid(f"{member}: Statement must be an object or a list of objects")
        found.append(cast("Document", document))
    return found


def _context(request: Simulated) -> Context:
    entries = request.get("ContextEntries") or ()
    return {
        entry.get("ContextKeyName", "").lower(): tuple(entry.get("ContextKeyValues", ()))
        for entry in entries
    }


def _invalid(text: str) -> AwsError:
    return AwsError("InvalidInput", text)
