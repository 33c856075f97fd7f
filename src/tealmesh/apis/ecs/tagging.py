"""Tags of ECS resources: the rules, TagResource, UntagResource and ListTagsForResource.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from tealmesh.apis.ecs import base
from tealmesh.apis.ecs.answers import NoAnswer, TagsAnswer
from tealmesh.apis.ecs.base import EcsBase
from tealmesh.apis.requests import merged_tags
from tealmesh.model.ecs import replacing
from tealmesh.model.ecs.bodies import ServiceBody, TaskBody, TaskDefinitionBody
from tealmesh.model.ecs.clusters import CapacityProviderBody, ClusterBody
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.store import Document, Reader, Transaction

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        ListTagsForResourceRequestTypeDef,
        TagResourceRequestTypeDef,
        TagTypeDef,
        UntagResourceRequestTypeDef,
    )

B = TypeVar("B", ClusterBody, CapacityProviderBody, ServiceBody, TaskBody, TaskDefinitionBody)


def tagged(present: Iterable[TagTypeDef], added: Iterable[TagTypeDef]) -> list[TagTypeDef]:
    """``present`` with ``added`` set, sorted by key.

    Raises InvalidParameterException for a key that is missing, reserved or given twice, for too
    many tags, and for a value that the engine cannot follow.
    """
    pairs = [(tag.get("key", ""), tag.get("value") or "") for tag in added]
    if not all(key for key, _ in pairs):
        raise base.invalid("tags.key: must be 1 to 128 characters")
    for key, value in pairs:
        if key == replacing.REPLACE_AFTER and not replacing.readable(value):
            raise base.invalid(f"tags: {key} = {value[:300]!r}: must be {replacing.ALLOWED}")
    tags = {tag["key"]: tag["value"] for tag in present}
    merged = merged_tags(tags, pairs, "tags.key", base.invalid, base.invalid)
    return [{"key": key, "value": value} for key, value in merged.items()]


@dataclass(frozen=True)
class _Resource(Generic[B]):
    """A resource that can be tagged."""

    document: Document[B]

    @property
    def tags(self) -> list[TagTypeDef]:
        return list(self.document.body.get("tags", []))

    def write(self, tx: Transaction, tags: list[TagTypeDef]) -> None:
        """Store ``tags`` as the resource's only ones."""
        if tags != self.tags:
            body = self.document.body.copy()
            body["tags"] = tags
            tx.replace(self.document, body)


_AnyResource = (
    _Resource[ClusterBody]
    | _Resource[CapacityProviderBody]
    | _Resource[ServiceBody]
    | _Resource[TaskBody]
    | _Resource[TaskDefinitionBody]
)


def _find_resource(reader: Reader, arn: str) -> _AnyResource:
    """The cluster, active service, task or task definition of this ARN.

    Raises InvalidParameterException for an ARN of anything else, ClusterNotFoundException or
    ResourceNotFoundException if there is no such resource.
    """
    resource = arn.split(":", 5)[5] if arn.startswith("arn:") and arn.count(":") >= 5 else ""
    kind, _, rest = resource.partition("/")
    cluster, _, name = rest.partition("/")
    match kind:
        case "cluster":
            return _Resource(base.find_cluster(reader, arn))
        case "capacity-provider":
            provider = base.any_provider(reader, arn)
            if provider is not None:
                return _Resource(provider)
        case "service" if name:
            base.find_cluster(reader, cluster)
            service = base.any_service(reader, cluster, arn)
            if service is not None and service.body["status"] != "INACTIVE":
                return _Resource(service)
        case "task" if name:
            base.find_cluster(reader, cluster)
            task = base.find_task(reader, cluster, arn)
            if task is not None:
                return _Resource(task)
        case "task-definition":
            definition = base.find_definition(reader, arn)
            if definition is not None:
                return _Resource(definition)
        case _:
            raise base.invalid(
                f"resourceArn = {arn[:300]!r}: must be the ARN of a cluster, capacity provider,"
                " service, task or task definition"
            )
    raise AwsError("ResourceNotFoundException", "The specified resource could not be found.")


class Tagging(EcsBase):
    """The operations on tags."""

    async def tag_resource(self, caller: Caller, request: TagResourceRequestTypeDef) -> NoAnswer:
        """Set tags of a cluster, service, task or task definition.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TagResource.html
        """

        def change(tx: Transaction) -> None:
            resource = _find_resource(tx, request["resourceArn"])
            resource.write(tx, tagged(resource.tags, request["tags"]))

        await self._write(caller, "TagResource", change)
        return {}

    async def untag_resource(
        self, caller: Caller, request: UntagResourceRequestTypeDef
    ) -> NoAnswer:
        """Remove tags by key, ignoring keys that are not set.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UntagResource.html
        """

        def change(tx: Transaction) -> None:
            resource = _find_resource(tx, request["resourceArn"])
            removed = set(request["tagKeys"])
            resource.write(tx, [tag for tag in resource.tags if tag["key"] not in removed])

        await self._write(caller, "UntagResource", change)
        return {}

    async def list_tags_for_resource(
        self, caller: Caller, request: ListTagsForResourceRequestTypeDef
    ) -> TagsAnswer:
        """List the tags of one resource.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTagsForResource.html
        """
        try:
            return {"tags": _find_resource(self._store.view, request["resourceArn"]).tags}
        except AwsError as error:
            # This operation's model has no ResourceNotFoundException.
            if error.code != "ResourceNotFoundException":
                raise
            raise base.invalid(error.message) from error
