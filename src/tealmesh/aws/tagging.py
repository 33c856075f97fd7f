"""The Resource Groups Tagging API over moto's resources and ours together.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NotRequired, TypedDict, cast

from tealmesh.apis.paging import Pager
from tealmesh.aws.gateway import Fallback
from tealmesh.aws.wire.codec import Request
from tealmesh.model.arn import Arn
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller
from tealmesh.seams.tagged import OURS, Mapped, TagFilter, passes, tagged
from tealmesh.store import Store

SERVICE = "tagging"
"""The signing name."""

_TARGET = "ResourceGroupsTaggingAPI_20170126"
_OPERATIONS = ("GetResources", "GetTagKeys", "GetTagValues", "TagResources", "UntagResources")


class GetResourcesRequest(TypedDict, total=False):
    """GetResources, without what moto ignores too."""

    PaginationToken: str
    TagFilters: list[TagFilter]
    ResourcesPerPage: int
    ResourceTypeFilters: list[str]
    ResourceARNList: list[str]


class PageRequest(TypedDict):
    """GetTagKeys and GetTagValues."""

    PaginationToken: NotRequired[str]
    Key: NotRequired[str]


class TagRequest(TypedDict):
    """TagResources and UntagResources."""

    ResourceARNList: list[str]
    Tags: NotRequired[dict[str, str]]
    TagKeys: NotRequired[list[str]]


class Failure(TypedDict):
    """Why a resource could not be tagged: ``FailureInfo``."""

    StatusCode: int
    ErrorCode: str
    ErrorMessage: str


class Failures(TypedDict):
    """TagResources and UntagResources."""

    FailedResourcesMap: dict[str, Failure]


class Resources(TypedDict):
    """GetResources."""

    ResourceTagMappingList: list[Mapped]
    PaginationToken: str


class Keys(TypedDict):
    """GetTagKeys."""

    TagKeys: list[str]
    PaginationToken: str


class Values(TypedDict):
    """GetTagValues."""

    TagValues: list[str]
    PaginationToken: str


Retag = Callable[[Caller, Any], Awaitable[object]]
"""TagResource or UntagResource of one of our APIs, each with a request of its own: hence Any."""


class Tagging:
    """All operations on tags; others are moto's."""

    def __init__(self, store: Store, apis: Mapping[str, object], moto: Fallback) -> None:
        """``apis``: ours, by service."""
        self._store = store
        self._apis = apis
        self._moto = moto

    def is_ours(self, operation: str, request: object) -> bool:
        """Whether resources of ours count."""
        return operation in _OPERATIONS

    async def get_resources(self, caller: Caller, request: GetResourcesRequest) -> Resources:
        """The resources with tags, those that pass all filters or are named."""
        named = request.get("ResourceARNList")
        filters, types = request.get("TagFilters", []), request.get("ResourceTypeFilters", [])
        if named and (filters or types):
            raise AwsError(
                "InvalidParameterException",
                "ResourceARNList: must be left out with TagFilters and ResourceTypeFilters",
            )
        ours = [
            mapped
            for mapped in tagged(self._store.view, caller.region)
            if (mapped["ResourceARN"] in named if named else passes(mapped, filters, types))
        ]
        asked = dict(request)
        asked.pop("PaginationToken", None)
        asked.pop("ResourcesPerPage", None)
        theirs = await self._all_of_moto(caller, "GetResources", asked, "ResourceTagMappingList")
        listed = {mapped["ResourceARN"]: mapped for mapped in [*theirs, *ours]}
        scope = json.dumps([filters, types, named])
        pager = _pager("resources", scope)
        limit, token = request.get("ResourcesPerPage"), request.get("PaginationToken")
        page, following = pager.items(listed, limit, token or None)
        return {"ResourceTagMappingList": page, "PaginationToken": following or ""}

    async def get_tag_keys(self, caller: Caller, request: PageRequest) -> Keys:
        """The keys of all tags."""
        theirs = await self._all_of_moto(caller, "GetTagKeys", {}, "TagKeys")
        keys = {*theirs, *(tag["Key"] for tag in self._tags(caller))}
        pager = _pager("keys")
        page, following = pager.page(list(keys), None, request.get("PaginationToken") or None)
        return {"TagKeys": page, "PaginationToken": following or ""}

    async def get_tag_values(self, caller: Caller, request: PageRequest) -> Values:
        """The values of all tags with one key."""
        key = request.get("Key", "")
        theirs = await self._all_of_moto(caller, "GetTagValues", {"Key": key}, "TagValues")
        ours = (tag["Value"] for tag in self._tags(caller) if tag["Key"] == key)
        pager = _pager("values", key)
        token = request.get("PaginationToken") or None
        page, following = pager.page(list({*theirs, *ours}), None, token)
        return {"TagValues": page, "PaginationToken": following or ""}

    async def tag_resources(self, caller: Caller, request: TagRequest) -> Failures:
        """Set the same tags on several resources; the others are tagged if one cannot be."""
        tags = request.get("Tags", {})
        pairs = [{"key": key, "value": value} for key, value in tags.items()]
        named = [{"Key": key, "Value": value} for key, value in tags.items()]
        members: dict[str, dict[str, object]] = {
            "appmesh": {"tags": pairs},
            "ecs": {"tags": pairs},
            "servicediscovery": {"Tags": named},
            "application-autoscaling": {"Tags": tags},
        }
        return await self._retag(caller, "TagResources", "tag_resource", request, members)

    async def untag_resources(self, caller: Caller, request: TagRequest) -> Failures:
        """Remove tags from several resources by key."""
        keys = request.get("TagKeys", [])
        members: dict[str, dict[str, object]] = {
            "appmesh": {"tagKeys": keys},
            "ecs": {"tagKeys": keys},
            "servicediscovery": {"TagKeys": keys},
            "application-autoscaling": {"TagKeys": keys},
        }
        return await self._retag(caller, "UntagResources", "untag_resource", request, members)

    async def _retag(
        self,
        caller: Caller,
        operation: str,
        method: str,
        request: TagRequest,
        members: Mapping[str, Mapping[str, object]],
    ) -> Failures:
        """``members``: of our own APIs' requests, by service."""
        failed: dict[str, Failure] = {}
        theirs: list[str] = []
        for arn in request["ResourceARNList"]:
            service = _service(arn)
            if service not in OURS:
                theirs.append(arn)
                continue
            name = "resourceArn" if service in ("appmesh", "ecs") else "ResourceARN"
            retag = cast("Retag", getattr(self._apis[service], method))
            try:
                await retag(caller, {name: arn, **members[service]})
            except AwsError as error:
                failed[arn] = {
                    "StatusCode": 400,
                    "ErrorCode": "InvalidParameterException",
                    "ErrorMessage": error.message,
                }
        if theirs:
            answer = await self._of_moto(caller, operation, {**request, "ResourceARNList": theirs})
            failed |= cast("Failures", answer).get("FailedResourcesMap", {})
        return {"FailedResourcesMap": failed}

    def _tags(self, caller: Caller) -> list[Any]:
        return [tag for one in tagged(self._store.view, caller.region) for tag in one["Tags"]]

    async def _all_of_moto(
        self, caller: Caller, operation: str, request: Mapping[str, object], member: str
    ) -> list[Any]:
        """What moto lists, from all pages. Its answers have no types: hence Any."""
        found: list[Any] = []
        token = ""
        while True:
            paged = {**request, "PaginationToken": token} if token else dict(request)
            answer = await self._of_moto(caller, operation, paged)
            found += cast("list[Any]", answer.get(member) or [])
            token = str(answer.get("PaginationToken") or "")
            if not token:
                return found

    async def _of_moto(
        self, caller: Caller, operation: str, request: Mapping[str, object]
    ) -> Mapping[str, object]:
        """moto's answer. Raises AwsError as moto does."""
        scope = f"tagging/20000101/{caller.region}/{SERVICE}/aws4_request"
        headers = {
            "host": f"{SERVICE}.{caller.region}.amazonaws.com",
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"{_TARGET}.{operation}",
            "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host,"
            " Signature=0",
        }
        body = json.dumps(request).encode()
        asked = Request("POST", "/", "", headers, body)
        response = await self._moto.answer(asked, SERVICE, caller.request_id)
        answer: Mapping[str, object] = json.loads(response.body or b"{}")
        if response.status >= 400:
            code = str(answer.get("__type", "InvalidParameterException")).rpartition("#")[2]
            text = str(answer.get("message") or answer.get("Message") or code)
            raise AwsError(code, text, status=response.status)
        return answer


def _service(arn: str) -> str:
    try:
        return Arn.parse(arn).service
    except ValueError as error:
        raise AwsError("InvalidParameterException", f"ResourceARNList: {error}") from error


def _pager(*scope: str) -> Pager:
    return Pager(
        "InvalidParameterException",
        scope,
        member="PaginationToken",
        limit_member="ResourcesPerPage",
    )
