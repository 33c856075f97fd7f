"""Conditions and variables of policies."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.aws.callers import context
from tealmesh.aws.callers.conditions import holds
from tealmesh.aws.callers.policies import Asked, Document, Statement, why_not
from tealmesh.aws.callers.trust import why_not_trusted
from tealmesh.model.clock import Wall
from tealmesh.model.identity.caller import Principal

ANN = "arn:aws:iam::123456789012:user/team/ann"
WEB = "arn:aws:iam::123456789012:role/web"
TASK = "arn:aws:sts::123456789012:assumed-role/web/t1"
NOON = Wall(1_577_880_000.0)
"""2020-01-01T12:00:00Z"""


def request_of(arn: str, name: str, address: str = "203.0.113.7", tls: bool = False) -> Any:
    who = Principal(name, "role", role=arn, address=address, is_encrypted=tls)
    return context.of_request(who, "AIDA1", arn, "eu-north-1", NOON)


BY_ANN = {
    **request_of(ANN, ANN),
    "aws:tagkeys": ("team", "stage"),
    "s3:max-keys": ("10",),
    "absent": (),
    "nothing": (),
}
AGAINST = "unknown to us"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        # Of AWS's pages on the operators and on keys with several values.
        ({"StringEquals": {"aws:username": "ann"}}, True),
        ({"StringEquals": {"AWS:UserName": ["bob", "ann"]}}, True),
        ({"StringEquals": {"aws:username": "Ann"}}, False),
        ({"StringEqualsIgnoreCase": {"aws:username": "Ann"}}, True),
        ({"StringEquals": {"aws:username": "a*"}}, False),
        ({"StringLike": {"aws:username": "a*"}}, True),
        ({"StringLike": {"aws:username": "a??"}}, True),
        ({"StringLike": {"aws:username": "${*}nn"}}, False),
        ({"StringNotEquals": {"aws:username": ["bob", "ann"]}}, False),
        ({"StringNotLike": {"aws:username": ["b*", "c*"]}}, True),
        ({"StringEquals": {"aws:userid": "AIDA1", "aws:PrincipalType": "User"}}, True),
        ({"StringEquals": {"aws:userid": "AIDA1", "aws:PrincipalType": "Role"}}, False),
        ({"StringEquals": {"aws:PrincipalAccount": "123456789012"}}, True),
        ({"StringEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-north-1"]}}, True),
        ({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*:user/team/*"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam:*user/team/ann"}}, False),
        ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, False),
        ({"Bool": {"aws:SecureTransport": False}}, True),
        ({"Bool": {"absent": "false"}}, False),
        ({"BoolIfExists": {"absent": "false"}}, True),
        ({"Null": {"absent": "true"}}, True),
        ({"Null": {"absent": False, "aws:username": ["false"]}}, False),
        ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, True),
        ({"NumericLessThan": {"s3:max-keys": 10}}, False),
        ({"NumericGreaterThan": {"s3:max-keys": "9.5"}}, True),
        ({"NumericNotEquals": {"s3:max-keys": "10"}}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:01Z"}}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T13:00:00+02:00"}}, False),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-02"}}, True),
        ({"DateGreaterThanEquals": {"aws:CurrentTime": "1577880000"}}, True),
        ({"DateEquals": {"aws:EpochTime": "2020-01-01T12:00:00Z"}}, True),
        ({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"]}}, True),
        ({"IpAddress": {"aws:SourceIp": "203.0.113.8"}}, False),
        ({"NotIpAddress": {"aws:SourceIp": ["2001:db8::/32", "203.0.113.0/24"]}}, False),
        ({"StringEquals": {"absent": "x"}}, False),
        ({"StringNotEquals": {"absent": "x"}}, True),
        ({"StringEqualsIfExists": {"absent": "x"}}, True),
        ({"StringEqualsIfExists": {"aws:username": "x"}}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "stage", "x"]}}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}, False),
        ({"ForAllValues:StringEquals": {"absent": "x"}}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["team"]}}, True),
        ({"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["team"]}}, True),
        ({"ForAnyValue:StringEquals": {"absent": "x"}}, False),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/*/${aws:username}"}}, True),
        ({"StringEquals": {"aws:username": "${absent, 'ann'}"}}, True),
        ({"StringEquals": {"aws:username": "${absent}"}}, False),
        # What cannot be told, unless something else decides.
        ({"StringEquals": {AGAINST: "x"}}, None),
        ({"StringNotEquals": {AGAINST: "x"}}, None),
        ({"StringEqualsIfExists": {AGAINST: "x"}}, None),
        ({"Null": {AGAINST: "true"}}, None),
        ({"StringEquals": {AGAINST: "x", "aws:username": "bob"}}, False),
        ({"StringEquals": {"aws:username": ["${unknown}", "ann"]}}, True),
        ({"StringNotEquals": {"aws:username": ["${unknown}", "bob"]}}, None),
        ({"NumericEquals": {"s3:max-keys": "ten"}}, None),
        ({"IpAddress": {"aws:SourceIp": "example.com"}}, None),
        ({"BinaryEquals": {"aws:username": "YW5u"}}, None),
    ],
)  # fmt: skip
def test_conditions(condition: Any, expected: bool | None) -> None:
    assert holds(condition, BY_ANN, BY_ANN) is expected


def document(*statements: Statement, version: str = "2012-10-17") -> Document:
    return {"Version": version, "Statement": list(statements)}


HOME: Statement = {
    "Effect": "Allow",
    "Action": "s3:*",
    "Resource": "arn:aws:s3:::b/${aws:username}/*",
}
OTHERS: Statement = {
    "Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::b/${aws:username}/*",
}  # fmt: skip


def test_a_home_for_each_user() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_s3_home-directory-console.html"""
    own, others = (Asked("s3:GetObject", (f"arn:aws:s3:::b/{one}/x",)) for one in ("ann", "bob"))
    everything: Statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    for documents in ([document(HOME)], [document(everything, OTHERS)]):
        assert why_not(documents, own, BY_ANN) is None
        assert why_not(documents, others, BY_ANN) is not None
        # A role has no user name, and of some nothing is known.
        assert why_not(documents, own, request_of(WEB, TASK)) is not None
        assert why_not(documents, own) is not None
    plain = Asked("s3:GetObject", ("arn:aws:s3:::b/${aws:username}/x",))
    assert why_not([document(HOME, version="2008-10-17")], own, BY_ANN) is not None
    assert why_not([document(HOME, version="2008-10-17")], plain, BY_ANN) is None


def test_a_user_whose_name_would_be_a_pattern() -> None:
    star = {**BY_ANN, "aws:username": ("*",)}
    asked = Asked("s3:GetObject", ("arn:aws:s3:::b/bob/x",))
    assert why_not([document(HOME)], asked, star) is not None


def test_what_is_known_of_a_task() -> None:
    known = request_of(WEB, TASK, address="", tls=True)
    assert known["aws:userid"] == ("AIDA1:t1",)
    assert known["aws:securetransport"] == ("true",)
    assert known["aws:username"] == ()
    assert "aws:sourceip" not in known


@pytest.mark.parametrize("given", ["x", "y", ""])
def test_a_role_that_wants_an_external_id(given: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html"""
    policy: Any = {
        "Statement": {
            "Effect": "Allow", "Principal": {"AWS": WEB}, "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "x"}},
        }
    }  # fmt: skip
    known = {**request_of(WEB, TASK), **context.of_assuming({"ExternalId": given})}
    who = Principal(TASK, "role", role=WEB)
    assert (why_not_trusted(policy, who, "sts:AssumeRole", known) is None) == (given == "x")


def test_what_is_said() -> None:
    def said(condition: Any) -> str | None:
        one: Statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
        return why_not([document(one)], Asked("s3:X"), BY_ANN)

    unmet = said({"StringEquals": {"aws:username": "bob"}})
    assert unmet == "the policy that allows it has a Condition that is not met"
    unknown = said({"StringEquals": {"s3:prefix": "a"}})
    assert unknown is not None
    assert unknown.endswith("a Condition on s3:prefix, which is not evaluated here")


CONDITIONS: list[Any] = [
    None,
    {"StringEquals": {"aws:username": "ann"}},
    {"StringNotLike": {"aws:username": "a*"}},
    {"StringEquals": {AGAINST: "x"}},
    {"Bool": {"aws:SecureTransport": "true"}},
]


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    made: Any = {
        "Effect": draw(st.sampled_from(["Allow", "Deny"])),
        draw(st.sampled_from(["Action", "NotAction"])): draw(st.sampled_from(["a:*", "b:X", "*"])),
        draw(st.sampled_from(["Resource", "NotResource"])): draw(
            st.sampled_from(["*", "arn:1", "arn:${aws:username}", "arn:${unknown}"])
        ),
    }
    if condition := draw(st.sampled_from(CONDITIONS)):
        made["Condition"] = condition
    return made  # type: ignore[no-any-return]


ASKED = st.builds(
    Asked,
    st.sampled_from(["a:Go", "b:X", "b:"]),
    st.sampled_from([(), ("arn:1",), ("arn:ann",), ("arn:1", "arn:ann")]),
)
KNOWN = st.sampled_from([BY_ANN, request_of(WEB, TASK), {}])


@given(st.lists(statements(), max_size=4), statements(), ASKED, KNOWN)
def test_an_allow_never_takes_away_and_a_deny_never_gives(
    given_ones: list[Statement], one: Statement, asked: Asked, known: Any
) -> None:
    before = why_not([document(*given_ones)], asked, known) is None
    after = why_not([document(*given_ones), document(one)], asked, known) is None
    assert after >= before if one["Effect"] == "Allow" else after <= before


@given(st.lists(statements(), max_size=4), statements(), ASKED, KNOWN)
def test_a_boundary_only_takes_away(
    given_ones: list[Statement], one: Statement, asked: Asked, known: Any
) -> None:
    documents, boundary = [document(*given_ones)], document(one)
    both = why_not(documents, asked, known) is None and why_not([boundary], asked, known) is None
    assert (why_not(documents, asked, known, boundary) is None) == both


@given(st.lists(statements(), max_size=4), ASKED)
def test_what_is_not_known_is_never_a_reason_to_allow(
    given_ones: list[Statement], asked: Asked
) -> None:
    """Whoever knows less refuses, whatever else the one who knows more would say."""
    documents = [document(*given_ones)]
    if why_not(documents, asked, {}) is None:
        assert why_not(documents, asked, BY_ANN) is None
        assert why_not(documents, asked, request_of(WEB, TASK)) is None


def judged(condition: Any, *, effect: str = "Allow", **known: Any) -> bool:
    tags: dict[str, Any] = {"principal": {}, "request": {}, "of": dict, **known}
    found = context.with_tags(BY_ANN, tags["principal"], tags["request"], tags["of"])
    one: Statement = {"Effect": effect, "Action": "*", "Resource": "*", "Condition": condition}
    rest: Statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    statements = [one] if effect == "Allow" else [one, rest]
    document: Document = {"Version": "2012-10-17", "Statement": statements}
    return why_not([document], Asked("ecs:RunTask"), found) is None


BLUE = {"StringEquals": {"aws:ResourceTag/Team": "blue"}}


@pytest.mark.parametrize(
    ("tags", "allowed", "denied"),
    [({"team": "blue"}, True, True), ({"team": "red"}, False, False), ({}, False, False),
     (None, False, True)],
)  # fmt: skip
def test_a_tag_that_is_not_known_allows_nothing(tags: Any, allowed: bool, denied: bool) -> None:
    for of in ("ResourceTag", "PrincipalTag", "RequestTag"):
        condition = {"StringEquals": {f"aws:{of}/Team": "blue"}}
        known = {"of": lambda: tags, "principal": tags, "request": tags}
        assert judged(condition, **known) is allowed
        assert judged(condition, effect="Deny", **known) is not denied
        absent = {"Null": {f"aws:{of}/Team": "true"}}
        assert judged(absent, **known) is (tags == {})


def test_tags_in_requests() -> None:
    assert context.tags_in({}) == {}
    assert context.tags_in({"tags": [{"key": "a", "value": "1"}, {"key": "b"}]}) == {
        "a": "1",
        "b": "",
    }
    assert context.tags_in({"Tags": [{"Key": "a", "Value": "1"}]}) == {"a": "1"}
    assert context.tags_in({"tags": {"a": "1"}}) == {"a": "1"}
    for unknown in ({"tags": "a"}, {"tags": ["a"]}, {"resourceArn": "x", "tagKeys": ["a"]}):
        assert context.tags_in(unknown) is None
    every = {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    assert judged(every, request={"team": "x"})
    assert not judged(every, request={"team": "x", "stage": "y"})
    assert not judged(every, request=None)


def test_the_cluster_of_an_operation_of_ecs() -> None:
    def of(name: str, **params: Any) -> Any:
        return context.of_ecs(name, params, "eu-north-1", "123456789012").get("ecs:cluster")

    arn = "arn:aws:ecs:eu-north-1:123456789012:cluster/"
    assert of("RunTask", cluster="web") == (f"{arn}web",)
    assert of("RunTask", cluster=f"{arn}web") == (f"{arn}web",)
    assert of("RunTask") == (f"{arn}default",)
    assert of("RegisterTaskDefinition") == ()
    assert of("DeleteCluster", cluster="web") is None
    assert of("TagResource") is None
