"""Tags of App Mesh resources: what may be set, and how a set is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tealmesh.model.errors import AwsError

MAX_TAGS = 50
"""User tags per resource: https://docs.aws.amazon.com/app-mesh/latest/userguide/tagging.html"""


def tagged(present: Mapping[str, str], added: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """``present`` with the tags of a request set.

    Raises BadRequestException for a key that is reserved or given twice, TooManyTagsException
    when there would be more than `MAX_TAGS`.
    """
    seen: set[str] = set()
    for tag in added:
        key = tag["key"]
        if key.lower().startswith("aws:"):
            raise AwsError(
                "BadRequestException",
                f"tags.key = {key!r}: must not begin with 'aws:', which is reserved",
            )
        if key in seen:
            raise AwsError("BadRequestException", f"tags.key = {key!r}: must be given only once")
        seen.add(key)
    result = {**present, **{tag["key"]: tag.get("value", "") for tag in added}}
    if len(result) > MAX_TAGS:
        raise AwsError(
            "TooManyTagsException",
            f"The resource would have {len(result)} tags: at most {MAX_TAGS} are allowed",
        )
    return result


def untagged(present: Mapping[str, str], keys: Sequence[str]) -> dict[str, str]:
    """``present`` without ``keys``; keys that are not set are no error."""
    return {key: value for key, value in present.items() if key not in keys}
