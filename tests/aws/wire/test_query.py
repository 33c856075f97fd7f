"""The query protocol against botocore's own serializer and parser."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Any

import pytest
from botocore.parsers import ResponseParserFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tealmesh.aws.wire import query
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.model.errors import AwsError
from tests.aws.wire.test_codec_properties import calls, sent_by_botocore
from tests.support.drills import examples
from tests.support.meshes.shapes import values

MODEL = load_model("elbv2")
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}

quick = settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)


def form(body: str, query_string: str = "") -> Request:
    return Request("POST", "/", query_string, FORM, body.encode())


def parsed(operation: str, response: Response) -> Any:
    parser = ResponseParserFactory().create_parser("query")
    wire = {"status_code": response.status, "headers": response.headers, "body": response.body}
    return parser.parse(wire, MODEL.operation(operation).output_shape)


@quick
@given(calls("elbv2"))
def test_what_botocore_writes_is_read_back(call: tuple[str, dict[str, Any]]) -> None:
    operation, params = call[0], _sendable(call[1])
    request = sent_by_botocore("elbv2", operation, params)

    assert query.find_operation(MODEL, request) == operation
    assert query.read_params(MODEL, operation, request) == params


def _sendable(value: Any) -> Any:
    """``value`` without empty structures, for which the protocol has no form."""
    if isinstance(value, dict):
        sent = {name: _sendable(item) for name, item in value.items()}
        return {name: item for name, item in sent.items() if item != {}}
    if isinstance(value, list):
        return [item for item in map(_sendable, value) if item != {}]
    return value


@st.composite
def answers(draw: Any) -> tuple[str, Any]:
    name = draw(st.sampled_from(MODEL.operation_names))
    shape = MODEL.operation(name).output_shape
    return name, {} if shape is None else draw(values(shape))


@quick
@given(answers())
def test_what_is_written_botocore_reads_back(answer: tuple[str, Any]) -> None:
    operation, output = answer
    response = query.serialize(MODEL, operation, output, "some-id")
    read = parsed(operation, response)

    assert read.pop("ResponseMetadata")["RequestId"] == "some-id"
    assert _plain(read) == _plain(output)


def _plain(value: Any) -> Any:
    """Times as whole milliseconds, and texts without what XML cannot carry."""
    if isinstance(value, dict):
        return {_plain(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, str):
        return "".join(
            c if c in "\t\n\r" or " " <= c < "\ufffe" or c > "\uffff" else "\ufffd" for c in value
        )
    return value


def test_an_error_is_read_by_botocore() -> None:
    error = AwsError("TargetGroupNotFound", "No such group: <a & b>\x00")
    read = parsed("DescribeTargetHealth", query.serialize_error(error, "some-id", MODEL))

    assert read["Error"] == {
        "Type": "Sender",
        "Code": "TargetGroupNotFound",
        "Message": "No such group: <a & b>\ufffd",
    }
    assert read["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_classic_load_balancers_are_another_api() -> None:
    classic = form("Action=CreateLoadBalancer&Version=2012-06-01")
    assert query.find_operation(MODEL, classic) is None
    assert query.find_operation(MODEL, form("Action=Nothing&Version=2015-12-01")) is None


def test_parameters_may_be_in_the_query_string() -> None:
    request = Request("GET", "/", "Action=DescribeRules&Version=2015-12-01&PageSize=3", {}, b"")
    assert query.find_operation(MODEL, request) == "DescribeRules"
    assert query.read_params(MODEL, "DescribeRules", request) == {"PageSize": 3}


@pytest.mark.parametrize(
    "body", ["Port=abc", "Port=99999999999", "Port.member.1=80", "Protocol.member.1=HTTP"]
)
def test_what_is_no_value_of_its_type_is_named(body: str) -> None:
    with pytest.raises(AwsError, match=body.partition("=")[0].partition(".")[0]) as refused:
        query.read_params(MODEL, "CreateListener", form(body))
    assert refused.value.code == "MalformedInput"


@given(st.text(alphabet="TargetsIdmber.0123456789=&%", max_size=80))
def test_no_form_breaks_the_reader(body: str) -> None:
    with contextlib.suppress(AwsError):
        params = query.read_params(MODEL, "RegisterTargets", form(body))
        assert set(params) <= {"TargetGroupArn", "Targets"}
