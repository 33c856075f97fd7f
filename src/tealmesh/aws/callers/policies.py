"""What the policies of a task's role allow. Pure.

Explicit Deny beats Allow, and what nothing allows is refused, as in
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html.
Conditions are not evaluated: an Allow that has one does not count, a Deny that has one does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NotRequired, TypedDict

Texts = str | Sequence[str]


class Statement(TypedDict):
    """A statement of a policy, as people write it: one text where there could be several."""

    Effect: str
    Action: NotRequired[Texts]
    NotAction: NotRequired[Texts]
    Resource: NotRequired[Texts]
    NotResource: NotRequired[Texts]
    Condition: NotRequired[object]


class Document(TypedDict):
    """A policy document."""

    Statement: Statement | Sequence[Statement]


@dataclass(frozen=True)
class Asked:
    """What somebody wants to do."""

    action: str
    """As policies write it: ``s3:GetObject``. ``s3:`` alone, of an operation whose name is not in
    the request, stands for any action of the service."""
    resources: tuple[str, ...] = ()
    """ARNs, or names as the request has them. Without any, resources are not compared."""


def why_not(documents: Iterable[Document], asked: Asked) -> str | None:
    """Why the documents do not allow it, completing "because …"; None if they do."""
    allowed, conditional = False, False
    for statement in (one for document in documents for one in _statements(document)):
        deny = statement["Effect"] == "Deny"
        if not _speaks_of(statement, asked, deny=deny):
            continue
        if deny:
            return "a policy of the role denies it explicitly"
        if statement.get("Condition"):
            conditional = True
        else:
            allowed = True
    if allowed:
        return None
    if conditional:
        return "the policy that allows it has a Condition, which is not evaluated here"
    return "no policy of the role allows it"


def _statements(document: Document) -> Sequence[Statement]:
    statements = document["Statement"]
    return [statements] if isinstance(statements, dict) else statements


def _speaks_of(statement: Statement, asked: Asked, *, deny: bool) -> bool:
    if "NotAction" in statement:
        acts = not any(_names(asked, one, deny=True) for one in _texts(statement["NotAction"]))
    else:
        acts = any(_names(asked, one, deny=deny) for one in _texts(statement.get("Action", ())))
    if not acts:
        return False
    if "NotResource" in statement:
        others = _texts(statement["NotResource"])
        return not any(_is(one, pattern) for one in asked.resources for pattern in others)
    patterns = _texts(statement.get("Resource", ()))
    found = [any(_is(one, pattern) for pattern in patterns) for one in asked.resources]
    # A refusal of one of the things asked for is a refusal; all of them must be allowed.
    return (any(found) if deny else all(found)) if found else True


def _texts(value: Texts) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _names(asked: Asked, pattern: str, *, deny: bool) -> bool:
    """Whether the pattern of an action covers what is asked."""
    service, _, name = asked.action.lower().partition(":")
    if name or pattern == "*":
        return _like(pattern.lower()).fullmatch(asked.action.lower()) is not None
    of, _, covered = pattern.lower().partition(":")
    # The operation is not known: a Deny must be of the whole service to be sure to be of it.
    return _like(of).fullmatch(service) is not None and (not deny or covered == "*")


def _is(given: str, pattern: str) -> bool:
    """Whether a pattern of ARNs covers an ARN, or the name of a resource."""
    if pattern == "*" or _like(pattern).fullmatch(given):
        return True
    if given.startswith("arn:"):
        return False
    parts = pattern.split(":", 5)
    tail = parts[5] if len(parts) == 6 else pattern
    # secret:NAME-??????: Secrets Manager adds six characters to names.
    bare = re.sub(r"-(\?{6}|\*)$", "", tail)
    ends = {one.partition(sep)[2] or one for one in (tail, bare) for sep in ("/", ":")}
    return any(_like(end.lstrip("/")).fullmatch(given.lstrip("/")) for end in {tail, *ends})


@lru_cache(1024)
def _like(pattern: str) -> re.Pattern[str]:
    """IAM's wildcards: ``*`` and ``?``, both of which match slashes too."""
    quoted = re.sub(r"\*+", "*", pattern)
    return re.compile(
        "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in quoted), re.DOTALL
    )
