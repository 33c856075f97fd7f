"""What the APIs share about requests: telling a repeated one, and merging tags. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping

from tealmesh.model.errors import AwsError

MAX_TAGS = 50
"""User tags per resource, the same in App Mesh, ECS and Cloud Map:
https://docs.aws.amazon.com/app-mesh/latest/userguide/tagging.html
"""

Refusal = Callable[[str], AwsError]
"""A message -> the error that a service answers."""


def digest(request: Mapping[str, object], *, without: str = "") -> str:
    """A fingerprint by which two requests are known to be the same; ``without`` names a member
    that does not matter (the client token).

    Stored beside what a request created, so how it is computed must not change.
    """
    members = {name: value for name, value in request.items() if name != without}
    return hashlib.sha256(json.dumps(members, sort_keys=True).encode()).hexdigest()


def merged_tags(
    present: Mapping[str, str],
    added: Iterable[tuple[str, str]],
    field: str,
    refuse: Refusal,
    refuse_number: Refusal,
) -> dict[str, str]:
    """``present`` with the (key, value) pairs ``added``, in the order of the keys.

    Raises ``refuse`` for a key of ``field`` that is reserved or given twice, and
    ``refuse_number`` for more than `MAX_TAGS`.
    """
    sent: dict[str, str] = {}
    for key, value in added:
        if key.lower().startswith("aws:"):
            raise refuse(f"{field} = {key!r}: must not begin with 'aws:', which is reserved")
        if key in sent:
            raise refuse(f"{field} = {key!r}: must be given only once")
        sent[key] = value
    merged = {**present, **sent}
    if len(merged) > MAX_TAGS:
        raise refuse_number(
            f"The resource would have {len(merged)} tags: at most {MAX_TAGS} are allowed"
        )
    return dict(sorted(merged.items()))
