"""What a role's policies allow."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.aws.callers import actions
from tealmesh.aws.callers.policies import Asked, Document, Statement, why_not
from tealmesh.aws.wire.codec import Request

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"


def policy(*statements: Statement) -> Sequence[Document]:
    return [{"Statement": list(statements)}]


def allow(action: str, resource: str = "*") -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def deny(action: str, resource: str = "*") -> Statement:
    return {"Effect": "Deny", "Action": action, "Resource": resource}


A, B = "arn:aws:s3:::a/*", ("arn:aws:s3:::b/k",)
KEPT = "secretsmanager:GetSecretValue"
NOT_IAM: Statement = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}


@pytest.mark.parametrize(
    ("documents", "asked", "allowed"),
    [
        ([], Asked("s3:GetObject"), False),
        (policy(allow("*")), Asked("s3:GetObject"), True),
        (policy(allow("s3:Get*")), Asked("s3:GetObject"), True),
        (policy(allow("S3:getobject")), Asked("s3:GetObject"), True),
        (policy(allow("s3:Put*")), Asked("s3:GetObject"), False),
        (policy(allow("*"), deny("s3:*")), Asked("s3:GetObject"), False),
        (policy(allow("s3:*", A)), Asked("s3:GetObject", ("arn:aws:s3:::a/k/l",)), True),
        (policy(allow("s3:*", A)), Asked("s3:GetObject", B), False),
        (policy(allow("s3:*", A)), Asked("s3:", ("arn:aws:s3:::a/k",)), True),
        (policy(allow("*"), deny("s3:Put*")), Asked("s3:", ("arn:aws:s3:::a/k",)), True),
        (policy(allow("*"), deny("s3:*")), Asked("s3:", ("arn:aws:s3:::a/k",)), False),
        (policy(allow("secretsmanager:*", SECRET)), Asked(KEPT, (SECRET,)), True),
        (policy(allow("secretsmanager:*", SECRET[:-6] + "??????")), Asked(KEPT, ("db",)), True),
        (policy(allow("secretsmanager:*", SECRET[:-6] + "*")), Asked(KEPT, ("db",)), True),
        (policy(allow("secretsmanager:*", SECRET[:-6] + "*")), Asked(KEPT, ("other",)), False),
        (policy(allow("iam:*", "arn:aws:iam::1:role/own")), Asked("iam:X", ("own",)), True),
        (policy(allow("ssm:*", "arn:aws:ssm:*:*:parameter/a/*")), Asked("ssm:X", ("/a/k",)), True),
        (policy(allow("ssm:*", "arn:aws:ssm:*:*:parameter/a/*")), Asked("ssm:X", ("/b/k",)), False),
        (policy(NOT_IAM), Asked("s3:X"), True),
        (policy(NOT_IAM), Asked("iam:X"), False),
        (policy({**allow("*"), "Condition": {"Bool": {}}}), Asked("s3:X"), False),
        (policy(allow("*"), {**deny("s3:*"), "Condition": {"Bool": {}}}), Asked("s3:X"), False),
        ([{"Statement": allow("s3:X")}], Asked("s3:X"), True),
    ],
)  # fmt: skip
def test_examples(documents: Sequence[Document], asked: Asked, allowed: bool) -> None:
    assert (why_not(documents, asked) is None) == allowed


@given(st.lists(st.sampled_from([allow("a:*"), allow("*"), allow("b:X", "arn:1"), deny("c:*")])))
def test_a_deny_beats_whatever_allows(statements: list[Statement]) -> None:
    assert why_not(policy(*statements, deny("a:*")), Asked("a:Go")) is not None


def request(
    method: str, path: str, query: str = "", body: object = None, **headers: str
) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    text = b"" if body is None else json.dumps(body).encode()
    return Request(method, path, query, {"host": "127.0.0.1", **named}, text)


@pytest.mark.parametrize(
    ("service", "asked", "needed"),
    [
        ("s3", request("GET", "/"), [Asked("s3:ListAllMyBuckets")]),
        ("s3", request("GET", "/b", "list-type=2"), [Asked("s3:ListBucket", ("arn:aws:s3:::b",))]),
        ("s3", request("PUT", "/b/k%20l"), [Asked("s3:PutObject", ("arn:aws:s3:::b/k l",))]),
        ("s3", request("GET", "/b/k", "tagging"), [Asked("s3:", ("arn:aws:s3:::b/k",))]),
        ("s3", request("POST", "/b", "delete"), [Asked("s3:DeleteObject", ("arn:aws:s3:::b/*",))]),
        (
            "s3",
            request("PUT", "/b/k", x_amz_copy_source="c/l"),
            [
                Asked("s3:PutObject", ("arn:aws:s3:::b/k",)),
                Asked("s3:GetObject", ("arn:aws:s3:::c/l",)),
            ],
        ),
        (
            "secretsmanager",
            request("POST", "/", body={"SecretId": "db"}, x_amz_target="s.GetSecretValue"),
            [Asked("secretsmanager:GetSecretValue", ("db",))],
        ),
        (
            "sqs",
            request("POST", "/", body={"QueueUrl": "http:/q"}, x_amz_target="S.SendMessageBatch"),
            [Asked("sqs:SendMessage", ("q",))],
        ),
        ("lambda", request("POST", "/2015-03-31/functions/f/invocations"), [Asked("lambda:")]),
    ],
)  # fmt: skip
def test_what_a_request_needs(service: str, asked: Request, needed: list[Asked]) -> None:
    assert list(actions.of_others(service, asked)) == needed


def test_what_an_operation_of_ours_needs() -> None:
    params = {"meshName": "shop", "virtualRouterName": "web", "routeName": "r"}
    assert actions.of_ours("appmesh", "UpdateRoute", params, "eu-north-1").resources == (
        "arn:aws:appmesh:eu-north-1:123456789012:mesh/shop/virtualRouter/web/route/r",
    )
    asked = actions.of_ours("ecs", "UpdateService", {"service": "web"}, "us-east-1")
    assert asked.resources == ("arn:aws:ecs:us-east-1:123456789012:service/default/web",)
