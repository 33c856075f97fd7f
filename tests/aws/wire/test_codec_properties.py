"""Whatever botocore writes we read; whatever we write botocore reads; every mistake is named."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.parsers import ResponseParserFactory
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tealmesh.aws.wire import codec
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.aws.wire.codec import Request
from tealmesh.aws.wire.validation import validate
from tealmesh.model.errors import AwsError
from tests.aws.wire.reading import parse
from tests.support.drills import examples
from tests.support.meshes.shapes import mistakes, values

SERVICES = ["appmesh", "ecs", "servicediscovery", "tealmesh"]

quick = settings(
    max_examples=examples(120),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)


@st.composite
def calls(draw: Any, service: str) -> tuple[str, dict[str, Any]]:
    """An operation of ``service`` and valid parameters for it."""
    model = load_model(service)
    names = [n for n in model.operation_names if model.operation(n).input_shape is not None]
    name = draw(st.sampled_from(names))
    return name, draw(values(model.operation(name).input_shape))


def sent_by_botocore(service: str, operation: str, params: dict[str, Any]) -> Request:
    model = load_model(service)
    serializer = create_serializer(model.protocol, include_validation=False)
    wire = serializer.serialize_to_request(params, model.operation(operation))
    prepare_request_dict(wire, "http://127.0.0.1:4566")
    prepared = create_request_object(wire).prepare()
    url = urlsplit(prepared.url)
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else value
        for name, value in prepared.headers.items()
    }
    body = prepared.body or b""
    return Request(
        prepared.method,
        url.path,
        url.query,
        headers,
        body.encode() if isinstance(body, str) else body,
    )


@pytest.mark.parametrize("service", SERVICES)
def test_what_botocore_writes_is_read_back(service: str) -> None:
    model = load_model(service)

    @quick
    @given(calls(service))
    def check(call: tuple[str, dict[str, Any]]) -> None:
        operation, params = call
        read = parse(model, sent_by_botocore(service, operation, params))
        assert read == (operation, params)
        validate(model, *read)

    check()


@pytest.mark.parametrize("service", SERVICES)
def test_one_mistake_is_refused_and_named(service: str) -> None:
    model = load_model(service)
    codes = {
        "appmesh": "BadRequestException",
        "ecs": "InvalidParameterException",
        "servicediscovery": "InvalidInput",
        "tealmesh": "BadRequestException",
    }

    @quick
    @given(calls(service), st.data())
    def check(call: tuple[str, dict[str, Any]], data: Any) -> None:
        operation, params = call
        possible = list(mistakes(model.operation(operation).input_shape, params))
        assume(possible)
        mistake = data.draw(st.sampled_from(possible))
        mistake.apply()
        with pytest.raises(AwsError) as caught:
            validate(model, operation, params)
        assert caught.value.code == codes[service]
        assert f" at '{mistake.path}' failed" in caught.value.message
        assert mistake.constraint in caught.value.message

    check()


@pytest.mark.parametrize("service", SERVICES)
def test_a_wrong_type_is_refused_and_named(service: str) -> None:
    model = load_model(service)

    @quick
    @given(calls(service), st.data())
    def check(call: tuple[str, dict[str, Any]], data: Any) -> None:
        operation, params = call
        request = sent_by_botocore(service, operation, params)
        assume(request.body)
        body = json.loads(request.body)
        shape = model.operation(operation).input_shape
        leaves = [leaf for leaf in _places(shape, body) if not leaf[0].endswith("(any)")]
        assume(leaves)
        path, holder, key, kind = data.draw(st.sampled_from(leaves))
        holder[key] = [1] if kind != "list" else {"a": 1}
        broken = Request(
            request.method, request.path, request.query, request.headers, json.dumps(body).encode()
        )
        with pytest.raises(AwsError) as caught:
            parse(model, broken)
        assert caught.value.code == "SerializationException"
        assert f"'{path}'" in caught.value.message

    check()


def _places(shape: Any, value: Any, path: str = "") -> list[tuple[str, Any, Any, str]]:
    """(path, holder, key, kind) of every value inside ``value``."""
    if shape.type_name == "structure":
        if shape.is_document_type:
            return []
        steps = [(k, shape.members[k], f"{path}.{k}" if path else k) for k in value]
    elif shape.type_name == "list":
        steps = [(n, shape.member, f"{path}.{n + 1}.member") for n in range(len(value))]
    elif shape.type_name == "map":
        steps = [(k, shape.value, f"{path}.{k}.member") for k in value]
    else:
        return []
    found = []
    for key, child, where in steps:
        if child.type_name != "structure" or not child.is_document_type:
            # repr() in the message escapes; only plain paths can be compared as text
            if where.isascii() and where.isprintable() and not set(where) & set("'\"\\"):
                found.append((where, value, key, child.type_name))
            found += _places(child, value[key], where)
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_botocore_reads_what_we_write(service: str) -> None:
    model = load_model(service)
    factory = ResponseParserFactory()
    factory.set_parser_defaults(timestamp_parser=float)
    parser = factory.create_parser(model.protocol)
    names = [n for n in model.operation_names if model.operation(n).output_shape is not None]

    @quick
    @given(st.data())
    def check(data: Any) -> None:
        operation = data.draw(st.sampled_from(names))
        shape = model.operation(operation).output_shape
        output = data.draw(values(shape))
        response = codec.serialize(model, operation, _with_private(shape, output), "an-id")
        wire = {
            "status_code": response.status,
            "headers": response.headers,
            "body": response.body,
        }
        read = parser.parse(wire, shape)
        assert read.pop("ResponseMetadata")["HTTPStatusCode"] == 200
        assert read == output
        assert b"never-leaves" not in response.body

    check()


def _with_private(shape: Any, value: Any) -> Any:
    """``value`` as a document has it: with None for absent members, and private members."""
    if shape.type_name == "list":
        return [_with_private(shape.member, item) for item in value]
    if shape.type_name == "map":
        return {key: _with_private(shape.value, item) for key, item in value.items()}
    if shape.type_name == "structure" and not shape.is_document_type:
        members = {k: _with_private(shape.members[k], v) for k, v in value.items()}
        return dict.fromkeys(shape.members) | members | {"teal": "never-leaves"}
    return value
