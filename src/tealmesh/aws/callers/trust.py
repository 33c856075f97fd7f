"""Whom a role lets assume it: its trust policy. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html.
Conditions and variables are as in `policies`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

from tealmesh.aws.callers.conditions import Condition
from tealmesh.aws.callers.patterns import NOTHING, Context
from tealmesh.aws.callers.policies import Asked, Document, Statement, Texts, why_not
from tealmesh.model.identity.caller import Principal


class TrustStatement(TypedDict):
    """A statement of a trust policy, as people write it. It has no resource: that is the role."""

    Effect: str
    Principal: NotRequired[str | Mapping[str, Texts]]
    Action: NotRequired[Texts]
    NotAction: NotRequired[Texts]
    Condition: NotRequired[Condition]


class TrustPolicy(TypedDict):
    """A trust policy."""

    Version: NotRequired[str]
    Statement: NotRequired[TrustStatement | Sequence[TrustStatement]]


def why_not_trusted(
    policy: TrustPolicy, who: Principal, action: str, context: Context = NOTHING
) -> str | None:
    """Why a role does not let a role or user assume it by ``action``, completing "because …"; None
    if it does.
    """
    found = policy.get("Statement", ())
    statements = [found] if isinstance(found, Mapping) else found
    about = [_of_a_policy(one) for one in statements if _names(one, who)]
    document = Document(Version=policy.get("Version", ""), Statement=about)
    if why_not([document], Asked(action), context):
        return "the trust policy of the role does not allow it"
    return None


def _of_a_policy(statement: TrustStatement) -> Statement:
    """The statement as one of a policy of whom it is about."""
    made = Statement(Effect=statement["Effect"], Resource="*")
    for member in ("Action", "NotAction", "Condition"):
        if member in statement:
            made[member] = statement[member]
    return made


def _names(statement: TrustStatement, who: Principal) -> bool:
    """Whether a statement is about somebody. Without Principal (NotPrincipal) a Deny is about
    everybody, an Allow about nobody.
    """
    given = statement.get("Principal")
    if given is None:
        return statement["Effect"] == "Deny"
    if isinstance(given, str):
        return given == "*"
    named = given.get("AWS", ())
    account = who.role.split(":")[4]
    ours = {"*", account, f"arn:aws:iam::{account}:root", who.role, who.name}
    return not ours.isdisjoint([named] if isinstance(named, str) else named)
