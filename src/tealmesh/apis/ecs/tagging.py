"""Tags of ECS resources: rules, TagResource, UntagResource and ListTagsForResource.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs.base import Answer, EcsBase, Reader, Request
from tealmesh.model.caller import Caller
from tealmesh.model.errors import AwsError
from tealmesh.store import Document, Transaction

MAX_TAGS = 50

Tags = list[dict[str, str]]


def tagged(present: Sequence[dict[str, str]], added: Sequence[dict[str, Any]]) -> Tags:
    """``present`` with ``added`` set, in the order of their keys.

    Raises InvalidParameterException for a key that is missing, reserved or given twice, and for
    more than `MAX_TAGS`.
    """
    merged = {tag["key"]: tag["value"] for tag in present}
    seen: set[str] = set()
    for tag in added:
        key = tag.get("key", "")
        if not key:
            raise base.invalid("tags.key: must be 1 to 128 characters")
        if key.lower().startswith("aws:"):
            raise base.invalid(f"tags.key = {key!r}: must not begin with 'aws:', which is reserved")
        if key in seen:
            raise base.invalid(f"tags.key = {key!r}: must be given only once")
        seen.add(key)
        merged[key] = tag.get("value") or ""
    if len(merged) > MAX_TAGS:
        raise base.invalid(f"The resource would have {len(merged)} tags: at most {MAX_TAGS}")
    return [{"key": key, "value": merged[key]} for key in sorted(merged)]


def find_resource(reader: Reader, arn: str) -> Document:
    """What an ARN names among clusters, services, tasks and task definitions.

    Raises InvalidParameterException when it is no ARN of these, ClusterNotFoundException or
    ResourceNotFoundException when there is nothing of that name.
    """
    resource = arn.split(":", 5)[5] if arn.startswith("arn:") and arn.count(":") >= 5 else ""
    kind, _, rest = resource.partition("/")
    cluster, _, name = rest.partition("/")
    found: Document | None = None
    match kind:
        case "cluster":
            found = base.find_cluster(reader, arn)
        case "service" if name:
            base.find_cluster(reader, cluster)
            found = base.any_service(reader, cluster, arn)
            if found is not None and found.body["status"] == "INACTIVE":
                found = None
        case "task" if name:
            base.find_cluster(reader, cluster)
            found = base.find_task(reader, cluster, arn)
        case "task-definition":
            found = base.find_definition(reader, arn)
        case _:
            raise base.invalid(
                f"resourceArn = {arn[:300]!r}: must be the ARN of a cluster, service, task or task"
                " definition"
            )
    if found is None:
        raise AwsError("ResourceNotFoundException", "The specified resource could not be found.")
    return found


class Tagging(EcsBase):
    """The operations of tags."""

    async def tag_resource(self, caller: Caller, request: Request) -> Answer:
        """Set tags on a cluster, service, task or task definition."""

        def change(tx: Transaction) -> None:
            document = find_resource(tx, request["resourceArn"])
            _put_tags(tx, document, tagged(document.body.get("tags", []), request["tags"]))

        await self._write(caller, "TagResource", change)
        return {}

    async def untag_resource(self, caller: Caller, request: Request) -> Answer:
        """Remove tags by key; keys that are not set are no error."""

        def change(tx: Transaction) -> None:
            document = find_resource(tx, request["resourceArn"])
            gone = set(request["tagKeys"])
            kept = [tag for tag in document.body.get("tags", []) if tag["key"] not in gone]
            _put_tags(tx, document, kept)

        await self._write(caller, "UntagResource", change)
        return {}

    async def list_tags_for_resource(self, caller: Caller, request: Request) -> Answer:
        """The tags of one resource."""
        try:
            document = find_resource(self._store.view, request["resourceArn"])
        except AwsError as error:
            # The operation's model has no ResourceNotFoundException.
            if error.code != "ResourceNotFoundException":
                raise
            raise base.invalid(error.message) from error
        return {"tags": list(document.body.get("tags", []))}


def _put_tags(tx: Transaction, document: Document, tags: Tags) -> None:
    if tags != document.body.get("tags", []):
        tx.replace(document, {**document.body, "tags": tags})
