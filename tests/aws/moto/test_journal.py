"""The journal of moto's changing calls: what is kept, what is dropped, what a crash leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.aws.moto.journal import Entry, compacted, kept, made_by, to_keep
from tealmesh.aws.moto.journal_file import Journal
from tealmesh.aws.moto.sealing import Sealing
from tealmesh.aws.wire.codec import Request
from tealmesh.model.errors import TealError
from tealmesh.model.identity import rings

FORM = "application/x-www-form-urlencoded; charset=utf-8"


def sealing(path: Path) -> Sealing:
    return Sealing(rings.watched(path.with_name("master-key")))


def scope(service: str, region: str = "us-east-1") -> str:
    credential = f"Credential=AKID/20261123/{region}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=abc"


def query(service: str, action: str, made: str = "", **fields: str) -> Entry:
    body = "&".join([f"Action={action}", "Version=1", *(f"{k}={v}" for k, v in fields.items())])
    headers = {"content-type": FORM, "authorization": scope(service)}
    made_ids = tuple(made.split())
    return Entry(service, Request("POST", "/", "", headers, body.encode()), "s", 1.0, made_ids)


def target(service: str, name: str, region: str = "us-east-1", **fields: Any) -> Entry:
    headers = {"x-amz-target": f"T.{name}", "authorization": scope(service, region)}
    return Entry(service, Request("POST", "/", "", headers, json.dumps(fields).encode()), "s", 1.0)


def s3(method: str, path: str, query: str = "", host: str = "127.0.0.1:4566") -> Entry:
    headers = {"host": host, "authorization": scope("s3")}
    return Entry("s3", Request(method, path, query, headers, b"x"), "s", 1.0)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (query("ec2", "CreateVpc"), True),
        (query("ec2", "DescribeVpcs"), False),
        (query("iam", "GetRole"), False),
        (query("iam", "SimulatePrincipalPolicy"), False),
        (query("iam", "SetDefaultPolicyVersion"), True),
        (query("sts", "AssumeRole"), True),
        (query("sts", "GetSessionToken"), True),
        (query("sts", "GetFederationToken"), False),
        (query("sts", "GetCallerIdentity"), False),
        (target("logs", "PutLogEvents"), False),
        (target("logs", "PutRetentionPolicy"), True),
        (target("kms", "GenerateDataKey"), False),
        (target("kms", "CreateKey"), True),
        (target("kms", "ScheduleKeyDeletion"), True),
        (target("dynamodb", "PutItem"), True),
        (target("secretsmanager", "GetSecretValue"), False),
        (s3("PUT", "/bucket/key"), True),
        (s3("GET", "/bucket/key"), False),
        (s3("POST", "/bucket", "delete"), True),
    ],
)
def test_calls_that_change_something_are_kept(entry: Entry, expected: bool) -> None:
    assert to_keep(entry.service, entry.request, "AKID") is expected
    assert to_keep(entry.service, entry.request, "tealmesh") is False


def test_what_signs_a_request_is_not_kept() -> None:
    request = query("ec2", "CreateVpc").request
    headers = {**request.headers, "x-amz-security-token": "t", "cookie": "c", "host": "h"}
    stored = kept(Request("POST", "/", "", headers, b"")).headers
    assert set(stored) == {"content-type", "authorization", "host"}
    assert stored["authorization"].endswith("Signature=0")
    assert "Credential=AKID/20261123/us-east-1/ec2/aws4_request" in stored["authorization"]


def test_ids_that_an_answer_made() -> None:
    request = query("ec2", "CreateSubnet", VpcId="vpc-0123456789abcdef0").request
    answer = b"<subnetId>subnet-00000000000000001</subnetId><vpcId>vpc-0123456789abcdef0</vpcId>"
    assert made_by(request, answer) == ("subnet-00000000000000001",)


def test_what_was_deleted_is_dropped_with_all_that_named_it() -> None:
    vpc, other = "vpc-0123456789abcdef0", "vpc-0000000000000000f"
    lasting = query("ec2", "CreateVpc", made=other)
    entries = [
        query("ec2", "CreateVpc", made=f"{vpc} acl-0123456789abcdef0"),
        lasting,
        query("ec2", "ModifyVpcAttribute", VpcId=vpc),
        query("ec2", "CreateRoute", RouteTableId="rtb-1", GatewayId="igw-1"),
        query("ec2", "DeleteRoute", RouteTableId="rtb-1", DestinationCidrBlock="0.0.0.0/0"),
        query("ec2", "DeleteVpc", VpcId=vpc),
    ]
    # a route's table is no route: what names it by two parameters deletes less than the table
    assert compacted(entries) == [lasting, entries[3], entries[4]]


def test_a_deletion_stays_until_the_call_that_made_the_thing_is_known() -> None:
    arn = "arn:aws:sns:us-east-1:123456789012:alerts"
    made = query("sns", "CreateTopic", Name="alerts")
    named = query("sns", "Subscribe", TopicArn=arn, Protocol="sqs")
    deleted = query("sns", "DeleteTopic", TopicArn=arn)
    assert compacted([made, named, deleted]) == [made, deleted]
    assert compacted([made, named, deleted, made]) == [made, deleted, made]
    # What names a listener's ARN to make a rule of it has not made the listener.
    rule = query("elasticloadbalancing", "CreateRule", ListenerArn="arn", Priority="1")
    gone = query("elasticloadbalancing", "DeleteListener", ListenerArn="arn")
    assert compacted([rule, gone]) == [gone]


def test_what_was_made_again_under_its_name_stays() -> None:
    again = target("logs", "CreateLogGroup", logGroupName="/a")
    elsewhere = target("logs", "CreateLogGroup", "eu-west-1", logGroupName="/a")
    entries = [
        target("logs", "CreateLogGroup", logGroupName="/a"),
        elsewhere,
        target("logs", "PutRetentionPolicy", logGroupName="/a", retentionInDays=7),
        target("logs", "DeleteLogGroup", logGroupName="/a"),
        again,
    ]
    assert compacted(entries) == [elsewhere, again]


def test_an_object_put_again_replaces_the_one_before() -> None:
    entries = [
        s3("PUT", "/b"),
        s3("PUT", "/b/k", "x-id=PutObject"),
        s3("PUT", "/b/k"),
        s3("PUT", "/b/k", "tagging"),
        s3("PUT", "/gone"),
        s3("PUT", "/gone/k"),
        s3("DELETE", "/gone/k"),
        s3("DELETE", "/gone"),
    ]
    assert compacted(entries) == [entries[0], entries[2], entries[3]]


def test_versions_and_buckets_in_host_names_are_left_alone() -> None:
    entries = [
        s3("PUT", "/b", "versioning"),
        s3("PUT", "/b/k"),
        s3("PUT", "/b/k"),
        s3("PUT", "/k", host="one.s3.amazonaws.com"),
        s3("PUT", "/k", host="two.s3.amazonaws.com"),
    ]
    assert compacted(entries) == entries


def test_credentials_are_kept_until_they_end() -> None:
    hour = query("sts", "AssumeRole")
    long = query("sts", "AssumeRole", DurationSeconds="7200")
    session = query("sts", "GetSessionToken")
    user = query("iam", "CreateAccessKey")
    every = [hour, long, session, user]
    assert compacted(every, 3600.0) == every
    assert compacted(every, 3602.0) == [long, session, user]
    assert compacted(every, 86400.0) == [user]


def test_the_file_is_its_owners_and_gives_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "moto.jsonl"
    journal = Journal(path, sealing(path), "seed", 7.0)
    entry = Entry("s3", Request("PUT", "/b/k", "", {"host": "h"}, b"\x00\xff"), "s", 2.5, ("a-1",))
    journal.append(entry)
    journal.close()
    assert path.stat().st_mode & 0o777 == 0o600
    again = Journal(path, sealing(path), "another", 9.0)
    assert again.entries == [entry]
    assert (again.seed, again.at) == ("seed", 7.0)
    again.close()
    with pytest.raises(OSError, match="closed"):
        again.append(entry)


@given(cut=st.integers(0, 800))
def test_a_kill_in_the_middle_of_a_write_loses_that_call_alone(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "moto.jsonl"
    journal = Journal(path, sealing(path), "seed", 7.0)
    entries = [target("logs", "CreateLogGroup", logGroupName=f"/{n}") for n in range(2)]
    journal.append(entries[0])
    before = path.stat().st_size
    journal.append(entries[1])
    journal.close()
    whole = path.read_bytes()
    cut = min(cut, len(whole) - before - 1)
    path.write_bytes(whole[: before + cut])
    again = Journal(path, sealing(path), "", 0.0)
    assert again.entries == entries[:1]
    again.append(entries[1])
    again.close()
    last = Journal(path, sealing(path), "", 0.0)
    last.close()
    assert last.entries == entries


def test_a_file_that_is_no_journal_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "moto.jsonl"
    path.write_text("hello\n")
    with pytest.raises(TealError, match=r"moto\.jsonl cannot be read"):
        Journal(path, sealing(path), "", 0.0)


def test_it_grows_with_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "moto.jsonl"
    journal = Journal(path, sealing(path), "seed", 7.0, limit=4096)
    for _ in range(200):
        journal.append(s3("PUT", "/b/k"))
    assert path.stat().st_size < 10_000
    journal.close()
