"""What Conditions and variables of policies can ask of a request: the keys that we know. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from tealmesh.aws.callers.patterns import Context
from tealmesh.model.clock import Wall
from tealmesh.model.identity.caller import Principal

Tags = Mapping[str, str]
TagsOf = Callable[[], Tags | None]
"""The tags of something, looked up when a policy asks; None if nothing is known of them."""

_PRINCIPAL_TAG = "aws:principaltag/"
_REQUEST_TAG = "aws:requesttag/"
_RESOURCE_TAGS = ("aws:resourcetag/", "ecs:resourcetag/")

_NO_CLUSTER = frozenset(
    {
        "CreateCluster",
        "DeleteAccountSetting",
        "DeleteTaskDefinitions",
        "DeregisterTaskDefinition",
        "DescribeTaskDefinition",
        "ListAccountSettings",
        "ListClusters",
        "ListTaskDefinitionFamilies",
        "ListTaskDefinitions",
        "PutAccountSetting",
        "PutAccountSettingDefault",
        "RegisterTaskDefinition",
    }
)
"""Operations of ECS that are about no cluster that there is."""
_IN_CLUSTER = frozenset(
    {
        "CreateService",
        "CreateTaskSet",
        "DeleteService",
        "DeleteTaskSet",
        "DescribeContainerInstances",
        "DescribeServices",
        "DescribeTaskSets",
        "DescribeTasks",
        "ExecuteCommand",
        "GetTaskProtection",
        "ListContainerInstances",
        "ListServices",
        "ListTasks",
        "RunTask",
        "StartTask",
        "StopTask",
        "UpdateContainerAgent",
        "UpdateContainerInstancesState",
        "UpdateService",
        "UpdateServicePrimaryTaskSet",
        "UpdateTaskProtection",
        "UpdateTaskSet",
    }
)
"""Those that are about what is in one; of others it is not known."""


class WithTags(Mapping[str, tuple[str, ...]]):
    """What is known, and tags: a tag that something has not is known not to be there."""

    def __init__(self, known: Context, tags: Mapping[str, TagsOf]) -> None:
        """``tags``, by the beginning of their keys in lower case: ``aws:resourcetag/``."""
        self._known = known
        self._tags = tags

    def __getitem__(self, key: str) -> tuple[str, ...]:
        for begin, tags_of in self._tags.items():
            if key.startswith(begin):
                tags = tags_of()
                if tags is None:
                    raise KeyError(key)
                name = key.removeprefix(begin)
                return tuple(value for one, value in tags.items() if one.lower() == name)
        return self._known[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def with_tags(known: Context, principal: Tags | None, request: Tags | None, of: TagsOf) -> Context:
    """``known``, with the tags of who asks, of what is asked for (``of``), and in the request."""
    keys = {} if request is None else {"aws:tagkeys": tuple(request)}
    tags: dict[str, TagsOf] = {
        _PRINCIPAL_TAG: lambda: principal,
        _REQUEST_TAG: lambda: request,
        **dict.fromkeys(_RESOURCE_TAGS, of),
    }
    return WithTags({**known, **keys}, tags)


def tags_in(params: Mapping[str, object]) -> Tags | None:
    """The tags in a request to one of our APIs, of any form; None if there is something else."""
    given = params.get("tags", params.get("Tags", ()))
    if isinstance(given, Mapping):
        return {str(key): str(value) for key, value in given.items()}
    if not isinstance(given, list | tuple):
        return None
    found = {}
    for one in given:
        if not isinstance(one, Mapping):
            return None
        key, value = one.get("key", one.get("Key")), one.get("value", one.get("Value", ""))
        found[str(key)] = str(value)
    removed = params.get("tagKeys", params.get("TagKeys"))
    return None if removed is not None else found


def of_ecs(name: str, params: Mapping[str, object], region: str, account: str) -> Context:
    """Of an operation of ECS: ``ecs:cluster``.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
    """
    if name in _NO_CLUSTER:
        return {"ecs:cluster": ()}
    if name not in _IN_CLUSTER:
        return {}
    cluster = str(params.get("cluster") or "default")
    whole = cluster if ":" in cluster else f"arn:aws:ecs:{region}:{account}:cluster/{cluster}"
    return {"ecs:cluster": (whole,)}


def of_principal(arn: str, unique_id: str, session: str = "") -> Context:
    """Of a user or role with this ARN. ``session``: that of the role; empty if it is not known."""
    is_user = ":user/" in arn
    found = {
        "aws:PrincipalArn": arn,
        "aws:PrincipalAccount": arn.split(":")[4],
        "aws:PrincipalType": "User" if is_user else "AssumedRole",
        "aws:PrincipalIsAWSService": "false",
        "aws:ViaAWSService": "false",
    }
    if is_user or session:
        found["aws:userid"] = unique_id if is_user else f"{unique_id}:{session}"
    name = (arn.rpartition("/")[2],) if is_user else ()
    return {**_context(found), "aws:username": name}


def of_request(who: Principal, unique_id: str, arn: str, region: str, now: Wall) -> Context:
    """Of a request of somebody who is the user or role ``arn``."""
    session = who.name.rpartition("/")[2] if ":assumed-role/" in who.name else ""
    found = {"aws:SecureTransport": "true" if who.is_encrypted else "false"}
    if region:
        found["aws:RequestedRegion"] = region
    if who.address:
        found["aws:SourceIp"] = who.address
    known = of_principal(arn, who.unique_id or unique_id, session)
    return {**known, **_context(found), **at(now)}


def at(now: Wall) -> Context:
    """Of the time."""
    shown = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _context({"aws:CurrentTime": shown, "aws:EpochTime": str(int(now))})


def of_assuming(parameters: Mapping[str, str]) -> Context:
    """Of STS's AssumeRole, for trust policies: a parameter that is not given is known not to be."""
    asked = {"sts:ExternalId": "ExternalId", "sts:RoleSessionName": "RoleSessionName"}
    return {
        key.lower(): (parameters[name],) if parameters.get(name) else ()
        for key, name in asked.items()
    }


def _context(found: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {key.lower(): (value,) for key, value in found.items()}
