"""The IAM actions that a request needs, with the resources that it names. Pure.

Actions have the operation's name, with the exceptions of
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
that tasks use. Resources are compared where a service is listed here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, unquote

from tealmesh.aws.callers.policies import Asked
from tealmesh.aws.moto.journal import operation
from tealmesh.aws.wire.codec import Request
from tealmesh.model.arn import DEFAULT_ACCOUNT

_PREFIXES = {"monitoring": "cloudwatch", "email": "ses", "tagging": "tag", "tealmesh": "tealmesh"}
"""Of actions, where it is not the signing name."""

_SAME_AS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sns:PublishBatch": "sns:Publish",
    "secretsmanager:BatchGetSecretValue": "secretsmanager:GetSecretValue",
}
_MEMBERS = {
    "dynamodb": ("TableName",),
    "ecr": ("repositoryName",),
    "iam": ("RoleName", "UserName", "GroupName", "PolicyArn", "InstanceProfileName"),
    "kinesis": ("StreamName", "StreamARN"),
    "kms": ("KeyId",),
    "logs": ("logGroupName", "logGroupIdentifier"),
    "secretsmanager": ("SecretId", "SecretIdList"),
    "sns": ("TopicArn", "TargetArn"),
    "sqs": ("QueueUrl",),
    "ssm": ("Name", "Names", "Path"),
    "states": ("stateMachineArn", "executionArn"),
    "sts": ("RoleArn",),
}
"""The parameters that name a resource, by signing name."""

_MESH_KINDS = {
    "virtualNodeName": "virtualNode",
    "virtualServiceName": "virtualService",
    "virtualRouterName": "virtualRouter",
    "virtualGatewayName": "virtualGateway",
}
_ROUTES = {"routeName": "route", "gatewayRouteName": "gatewayRoute"}

_S3_OBJECT = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "POST": "PutObject"}
_S3_BUCKET = {"GET": "ListBucket", "HEAD": "ListBucket", "PUT": "CreateBucket"}
_S3_PLAIN = frozenset(
    {
        "continuation-token", "delimiter", "encoding-type", "fetch-owner", "list-type", "marker",
        "max-keys", "partNumber", "prefix", "start-after", "uploadId", "uploads", "versionId",
        "x-id",
    }
)  # fmt: skip
"""Parameters of S3 that do not make another action of a request."""


def of_ours(service: str, name: str, params: Mapping[str, object], region: str) -> Asked:
    """For an operation of App Mesh, ECS, Cloud Map or our own API."""
    begin = f"arn:aws:{service}:{region}:{DEFAULT_ACCOUNT}"
    if service == "appmesh" and "meshName" in params:
        path = f"mesh/{params['meshName']}"
        for member, kind in (*_MESH_KINDS.items(), *_ROUTES.items()):
            path += f"/{kind}/{params[member]}" if member in params else ""
        return Asked(f"{service}:{name}", (f"{begin}:{path}",))
    if service == "ecs" and isinstance(one := params.get("service"), str):
        cluster = str(params.get("cluster") or "default").rpartition("/")[2]
        whole = one if one.startswith("arn:") else f"{begin}:service/{cluster}/{one}"
        return Asked(f"{service}:{name}", (whole,))
    if service == "ecs" and name == "RunTask":
        definition = str(params.get("taskDefinition"))
        whole = (
            definition if definition.startswith("arn:") else f"{begin}:task-definition/{definition}"
        )
        return Asked(f"{service}:{name}", (whole,))
    return Asked(f"{service}:{name}")


def of_others(service: str, request: Request) -> Iterator[Asked]:
    """For a request to a service of moto, by its signing name."""
    if service == "s3":
        yield from _of_s3(request)
        return
    prefix = _PREFIXES.get(service, service)
    action = f"{prefix}:{operation(request)}"
    params = _params(request)
    named = [_texts(params[member]) for member in _MEMBERS.get(service, ()) if member in params]
    yield Asked(_SAME_AS.get(action, action), tuple(one for texts in named for one in texts))


def _of_s3(request: Request) -> Iterator[Asked]:
    bucket, _, key = unquote(request.path).lstrip("/").partition("/")
    host = request.headers.get("host", "")
    if host.partition(":")[0].endswith(".localhost"):
        bucket, key = host.partition(".")[0], unquote(request.path).lstrip("/")
    if not bucket:
        yield Asked("s3:ListAllMyBuckets")
        return
    asked = {name for name, _ in parse_qsl(request.query, keep_blank_values=True)}
    asked = {name for name in asked if not name.startswith("X-Amz-")}
    if "delete" in asked and request.method == "POST":
        yield Asked("s3:DeleteObject", (f"arn:aws:s3:::{bucket}/*",))
        return
    names = _S3_OBJECT if key else _S3_BUCKET
    name = names.get(request.method, "DeleteObject" if key else "DeleteBucket")
    if asked - _S3_PLAIN:
        name = ""  # a subresource, such as ?tagging: any action of S3 on it
    yield Asked(f"s3:{name}", (f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else ""),))
    if source := request.headers.get("x-amz-copy-source"):
        copied = unquote(source).lstrip("/").partition("?")[0]
        yield Asked("s3:GetObject", (f"arn:aws:s3:::{copied}",))


def _params(request: Request) -> Mapping[str, object]:
    """The parameters, of the JSON protocols or the query protocol; empty for others."""
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if form or not request.body:
        text = request.body.decode("utf-8", "replace") if form else ""
        return dict(parse_qsl(f"{request.query}&{text}"))
    try:
        read = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    texts = [str(one) for one in values]
    # Queues are named by URLs.
    return [one.rpartition("/")[2] if one.startswith("http") else one for one in texts]
