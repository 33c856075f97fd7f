"""Locations and types that our services' models do not use, and the wording of errors."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.aws.wire import codec
from tealmesh.aws.wire.apimodel import Model
from tealmesh.aws.wire.codec import Request
from tealmesh.aws.wire.validation import validate
from tealmesh.model.errors import AwsError
from tests.aws.probe import DESCRIPTION, PROBE
from tests.aws.wire.reading import parse

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=9)

THINGS = st.fixed_dictionaries(
    {"id": TEXTS},
    optional={
        "flags": st.lists(st.booleans(), min_size=1, max_size=3),
        "words": st.lists(TEXTS, min_size=1, max_size=3),
        "since": st.integers(0, 4_000_000_000),
        "size": st.integers(-(2**63), 2**63 - 1),
        "ratio": st.floats(allow_nan=False, allow_infinity=False),
        "trace": st.text("abc 09", min_size=1).map(str.strip).filter(bool),
        "deep": st.booleans(),
        "blob": st.binary(max_size=12),
        "when": st.integers(0, 4_000_000_000),
        "share": st.floats(allow_nan=False, allow_infinity=False),
        "secret": st.text("abc", max_size=9),
        "labels": st.dictionaries(st.text("abc", max_size=9), TEXTS, max_size=2),
        "inner": st.recursive(
            st.just({}),
            lambda inner: st.fixed_dictionaries({"again": inner, "names": st.lists(TEXTS)}),
            max_leaves=4,
        ),
    },
)


def sent(operation: str, params: dict[str, Any]) -> Request:
    wire = create_serializer("rest-json", include_validation=False).serialize_to_request(
        params, PROBE.operation(operation)
    )
    prepare_request_dict(wire, "http://localhost")
    made = create_request_object(wire).prepare()
    path, _, query = made.url.removeprefix("http://localhost").partition("?")
    headers = {k.lower(): v for k, v in made.headers.items()}
    return Request(made.method, path, query, headers, made.body or b"")


@given(THINGS)
def test_every_place_and_type_is_read(thing: dict[str, Any]) -> None:
    read = parse(PROBE, sent("PutThing", thing))
    assert read == ("PutThing", thing)
    validate(PROBE, *read)


@given(st.lists(TEXTS, min_size=1, max_size=4).map("/".join))
def test_a_greedy_label_takes_slashes(path: str) -> None:
    assert parse(PROBE, sent("GetFile", {"path": path})) == ("GetFile", {"path": path})


def test_a_spelled_out_path_goes_before_a_label() -> None:
    assert parse(PROBE, Request("PUT", "/p/things/all", "", {}, b"")) == ("PutAll", {})
    one = parse(PROBE, Request("PUT", "/p/things/al%6c", "", {}, b""))
    assert one == ("PutThing", {"id": "all"})  # encoded it is a label's value


def read_body(**body: Any) -> dict[str, Any]:
    request = Request("PUT", "/p/things/i", "", {}, json.dumps(body).encode())
    return parse(PROBE, request)[1]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("flag=yes", "STRING_VALUE cannot be converted to Boolean at 'flags.1.member'"),
        ("size=1.5", "STRING_VALUE cannot be converted to Long at 'size'"),
        ("size=9223372036854775808", "9223372036854775808 at 'size' is out of range for Long"),
        ("ratio=x", "STRING_VALUE cannot be converted to Double at 'ratio'"),
        ("ratio=inf", "cannot be converted to Double at 'ratio'"),
        ("since=soon", "'soon' at 'since' is not a time"),
    ],
)
def test_wrong_texts_in_the_query(query: str, said: str) -> None:
    with pytest.raises(AwsError, match="at ") as caught:
        parse(PROBE, Request("PUT", "/p/things/i", query, {}, b""))
    assert caught.value.code == "SerializationException"
    assert said in caught.value.message


@pytest.mark.parametrize("value", ["%%%", 5, "YQ"])
def test_a_blob_must_be_base64(value: Any) -> None:
    with pytest.raises(AwsError, match="'blob'"):
        read_body(blob=value)


def test_times_are_read_as_numbers_and_as_text() -> None:
    for text in (
        1_700_000_000.5,
        "1700000000.5",
        "2023-11-14T22:13:20.5Z",
        "2023-11-14T22:13:20.5",
    ):
        assert read_body(At=text)["when"] == 1_700_000_000.5
    assert read_body(At="Tue, 14 Nov 2023 22:13:20 GMT")["when"] == 1_700_000_000


@pytest.mark.parametrize("value", [1e299, -1e12, "9" * 400, "9" * 40, 253_402_300_800])
def test_a_time_must_be_one_of_the_calendar(value: Any) -> None:
    with pytest.raises(AwsError, match="at 'when' is not a time of the years 1 to 9999"):
        read_body(At=value)
    with pytest.raises(AwsError, match="'when'"):
        read_body(At=True)


def refusal(params: dict[str, Any]) -> str:
    with pytest.raises(AwsError) as caught:
        validate(PROBE, "PutThing", params)
    assert caught.value.code == "ValidationException"
    return caught.value.message


def test_secrets_are_not_told() -> None:
    for secret in ("PASSWORD1", "password-that-is-long"):
        message = refusal({"id": "i", "secret": secret, "labels": {secret: "x"}})
        assert secret not in message
        assert "Value '***' at 'secret'" in message
        assert "Value '***' at 'labels (map key)'" in message
    with pytest.raises(AwsError) as caught:
        read_body(secret=["PASSWORD1"])
    assert "PASSWORD1" not in caught.value.message


def test_null_in_lists_and_maps_is_refused_and_elsewhere_absent() -> None:
    params = read_body(inner={"again": None, "names": ["a", None]}, labels={"k": None}, share=None)
    assert "share" not in params
    assert params["inner"] == {"names": ["a", None]}
    message = refusal(params)
    assert message.startswith("2 validation errors detected: ")
    assert "Value null at 'inner.names.2.member'" in message
    assert "Value null at 'labels.k.member'" in message


def test_many_failures_are_counted() -> None:
    names = ["x" * 61] * 30
    message = refusal({"id": "i", "inner": {"names": names}, "labels": dict.fromkeys("abc", "v")})
    assert message.startswith("31 validation errors detected: ")
    assert message.endswith("; and 11 more")
    assert len(message) < 5000
    message = refusal({"id": "i", "labels": dict.fromkeys("abc", "v")})
    assert "Value '{3 elements}' at 'labels'" in message


def test_answers_take_status_names_and_formats_from_the_model() -> None:
    answer = codec.serialize(PROBE, "PutThing", {"id": "i", "when": 1.23456, "blob": b"a", "x": 1})
    assert answer.status == 202
    assert json.loads(answer.body) == {"id": "i", "At": 1.235, "blob": "YQ=="}
    assert codec.serialize(PROBE, "PutAll", {}).body == b"{}"


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ({"when": "2023-11-14"}, "when is a str: the model says timestamp"),
        ({"size": True}, "size is True: the model says long"),
        ({"inner": {"names": "abc"}}, "inner.names is a str: the model says list"),
        ({"labels": []}, "labels is a list: the model says map"),
        ([], "Thing is a list: the model says structure"),
    ],
)
def test_an_answer_that_breaks_the_model_is_our_mistake(output: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said.replace(".", r"\.")):
        codec.serialize(PROBE, "PutThing", output)


def test_errors_take_status_and_members_from_the_model() -> None:
    teapot = codec.serialize_error(PROBE, AwsError("Teapot", "short", since=5.0, more=1), "id")
    assert teapot.status == 418
    assert teapot.headers["x-amzn-errortype"] == "Teapot"
    assert teapot.headers["x-amzn-requestid"] == "id"
    wanted = {"__type": "Teapot", "message": "short", "Message": "short", "since": 5}
    assert json.loads(teapot.body) == wanted
    assert codec.serialize_error(PROBE, AwsError("Broken", "b")).status == 500
    assert codec.serialize_error(PROBE, AwsError("Other", "o", status=409)).status == 409
    assert PROBE.fault_code == "Broken"


def test_a_model_that_we_cannot_speak_is_refused_when_loaded() -> None:
    description = copy.deepcopy(DESCRIPTION)
    description["metadata"]["protocol"] = "rest-xml"
    with pytest.raises(ValueError, match="probe: protocol rest-xml is not one of"):
        Model("probe", description)
    with pytest.raises(KeyError):
        PROBE.operation("Nothing")
