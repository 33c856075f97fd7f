"""What the policies of a task's role allow. Pure.

Explicit Deny beats Allow, and what nothing allows is refused, as in
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html.
Where we know nothing of a key that a Condition or a variable names, an Allow does not count, and a
Deny does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from tealmesh.aws.callers.conditions import Condition, holds, unknown_keys
from tealmesh.aws.callers.patterns import (
    NOTHING,
    VARIABLES_SINCE,
    Context,
    Maybe,
    all_of,
    any_of,
    filled,
    like,
    opposite,
)

Texts = str | Sequence[str]


class Statement(TypedDict):
    """A statement of a policy, as people write it: one text where there could be several."""

    Effect: str
    Action: NotRequired[Texts]
    NotAction: NotRequired[Texts]
    Resource: NotRequired[Texts]
    NotResource: NotRequired[Texts]
    Condition: NotRequired[Condition]


class Document(TypedDict):
    """A policy document."""

    Version: NotRequired[str]
    Statement: Statement | Sequence[Statement]


EVERYTHING: Document = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
"""With it, `why_not` finds what is denied."""


@dataclass(frozen=True)
class Asked:
    """What somebody wants to do."""

    action: str
    """As policies write it: ``s3:GetObject``. ``s3:`` alone, of an operation whose name is not in
    the request, stands for any action of the service."""
    resources: tuple[str, ...] = ()
    """ARNs, or names as the request has them. Without any, resources are not compared."""


def why_not(
    documents: Iterable[Document],
    asked: Asked,
    context: Context = NOTHING,
    boundary: Document | None = None,
) -> str | None:
    """Why the documents do not allow it, completing "because …"; None if they do.

    ``boundary``: the permissions boundary, which must allow it too; None if there is none.
    """
    reason = _why_not(documents, asked, context)
    if reason or boundary is None or _why_not([boundary], asked, context) is None:
        return reason
    return "the permissions boundary does not allow it"


def missing(documents: Iterable[Document], context: Context) -> set[str]:
    """The keys that Conditions of the documents name and of which nothing is known."""
    return {
        key
        for statement, _ in _statements(documents, context)
        if (condition := statement.get("Condition"))
        for key in unknown_keys(condition, context)
    }


def _why_not(documents: Iterable[Document], asked: Asked, context: Context) -> str | None:
    allowed, reason = False, "no policy of the role allows it"
    for statement, variables in _statements(documents, context):
        deny = statement["Effect"] == "Deny"
        speaks = _speaks_of(statement, asked, variables, deny=deny)
        condition = statement.get("Condition")
        met = holds(condition, context, variables) if condition else True
        applies = all_of([speaks, met])
        if deny and applies is not False:
            return "a policy of the role denies it explicitly"
        if deny or speaks is False:
            continue
        allowed = allowed or applies is True
        if met is False:
            reason = "the policy that allows it has a Condition that is not met"
        elif applies is None:
            keys = ", ".join(unknown_keys(condition, context)) if condition else ""
            of = f"a Condition on {keys}" if keys else "a Condition or a variable"
            reason = f"the policy that allows it has {of}, which is not evaluated here"
    return None if allowed else reason


def _statements(
    documents: Iterable[Document], context: Context
) -> Iterator[tuple[Statement, Context | None]]:
    """Each with the values of its variables; None where they are plain text."""
    for document in documents:
        statements = document["Statement"]
        variables = context if document.get("Version") == VARIABLES_SINCE else None
        for one in [statements] if isinstance(statements, dict) else statements:
            yield one, variables


def _speaks_of(
    statement: Statement, asked: Asked, variables: Context | None, *, deny: bool
) -> Maybe:
    if "NotAction" in statement:
        acts = not any(_names(asked, one, deny=True) for one in _texts(statement["NotAction"]))
    else:
        acts = any(_names(asked, one, deny=deny) for one in _texts(statement.get("Action", ())))
    if not acts:
        return False
    patterns = _texts(statement.get("NotResource", statement.get("Resource", ())))
    found = [any_of(_covers(one, pattern, variables) for pattern in patterns)
             for one in asked.resources]  # fmt: skip
    if "NotResource" in statement:
        found = [opposite(one) for one in found]
    # A refusal of one of the things asked for is a refusal; all of them must be allowed.
    return (any_of(found) if deny else all_of(found)) if found else True


def _covers(given: str, pattern: str, variables: Context | None) -> Maybe:
    meant = filled(pattern, variables)
    if meant.unknown:
        return None
    return not meant.empty and _is(given, meant.text)


def _texts(value: Texts) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _names(asked: Asked, pattern: str, *, deny: bool) -> bool:
    """Whether the pattern of an action covers what is asked."""
    service, _, name = asked.action.lower().partition(":")
    if name or pattern == "*":
        return like(pattern.lower()).fullmatch(asked.action.lower()) is not None
    of, _, covered = pattern.lower().partition(":")
    # The operation is not known: a Deny must be of the whole service to be sure to be of it.
    return like(of).fullmatch(service) is not None and (not deny or covered == "*")


def _is(given: str, pattern: str) -> bool:
    """Whether a pattern of ARNs covers an ARN, or the name of a resource."""
    if pattern == "*" or like(pattern).fullmatch(given):
        return True
    if given.startswith("arn:"):
        return False
    parts = pattern.split(":", 5)
    tail = parts[5] if len(parts) == 6 else pattern
    # secret:NAME-??????: Secrets Manager adds six characters to names.
    bare = re.sub(r"-(\?{6}|\*)$", "", tail)
    ends = {one.partition(sep)[2] or one for one in (tail, bare) for sep in ("/", ":")}
    return any(like(end.lstrip("/")).fullmatch(given.lstrip("/")) for end in {tail, *ends})
