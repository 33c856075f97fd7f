"""Smithy's RPC v2 CBOR, which current SDKs prefer for Cloud Map."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import cbor2
import httpx
import pytest
from botocore.config import Config
from botocore.loaders import Loader
from botocore.parsers import ResponseParserFactory
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.aws.wire import bodies, codec
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.aws.wire.codec import Request
from tealmesh.aws.wire.validation import validate
from tealmesh.model.errors import AwsError
from tests.aws.demo import build_demo
from tests.aws.wire.reading import parse
from tests.support.meshes.shapes import values
from tests.support.programs.server import serve

MODEL = load_model("servicediscovery")
PREFIX = "/service/Route53AutoNaming_v20170314/operation/"


@given(st.data())
def test_botocore_and_we_read_each_other(data: Any) -> None:
    operation = data.draw(st.sampled_from(MODEL.operation_names))
    op = MODEL.operation(operation)
    params = data.draw(values(op.input_shape))
    serializer = create_serializer("smithy-rpc-v2-cbor", include_validation=False)
    wire = serializer.serialize_to_request(params, op)
    headers = {name.lower(): value for name, value in wire["headers"].items()}
    request = Request(wire["method"], wire["url_path"], "", headers, bytes(wire["body"]))
    assert codec.speaks_cbor(MODEL, request)
    assert parse(MODEL, request) == (operation, params)
    validate(MODEL, operation, params)

    if op.output_shape is None:
        assert codec.serialize(MODEL, operation, {}, cbor=True).body == cbor2.dumps({})
        return
    factory = ResponseParserFactory()
    factory.set_parser_defaults(timestamp_parser=float)
    output = data.draw(values(op.output_shape))
    response = codec.serialize(MODEL, operation, output, cbor=True)
    answer = {"status_code": 200, "headers": response.headers, "body": response.body}
    read = factory.create_parser("smithy-rpc-v2-cbor").parse(answer, op.output_shape)
    del read["ResponseMetadata"]
    assert read == output
    assert response.headers["smithy-protocol"] == "rpc-v2-cbor"


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    refused: list[str] = []
    try:
        bodies.read_cbor(body)
    except AwsError as error:
        refused.append(error.code)
    assert refused in ([], ["SerializationException"])


def test_references_and_depth_are_refused() -> None:
    shared: list[Any] = []
    shared.append(shared)
    for body in (
        cbor2.dumps({"a": shared}, value_sharing=True),
        cbor2.dumps({"a": ["x" * 9, "x" * 9]}, string_referencing=True),
        b"\xa1\x61a" + b"\x81" * 5000 + b"\x00",
    ):
        with pytest.raises(AwsError, match="not CBOR"):
            bodies.read_cbor(body)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    app, _ = build_demo()
    with serve(app) as address:
        yield address


def test_a_client_that_speaks_cbor(url: str, tmp_path: Path) -> None:
    """boto3 with its model changed to the protocol that other SDKs choose."""
    source = Path(Loader.BUILTIN_DATA_PATH) / "servicediscovery/2017-03-14/service-2.json.gz"
    model = json.loads(gzip.decompress(source.read_bytes()))
    model["metadata"]["protocols"] = ["smithy-rpc-v2-cbor"]
    own = tmp_path / "servicediscovery/2017-03-14"
    own.mkdir(parents=True)
    (own / "service-2.json").write_text(json.dumps(model))
    session = botocore.session.Session()
    session.get_component("data_loader").search_paths.insert(0, str(tmp_path))
    cloud = boto3.Session(botocore_session=session).client(
        "servicediscovery",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(inject_host_prefix=False),
    )
    answer = cloud.discover_instances(NamespaceName="n", ServiceName="s")
    assert answer["InstancesRevision"] == 7
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/cbor"
    with pytest.raises(cloud.exceptions.DuplicateRequest) as caught:
        cloud.create_http_namespace(Name="ns")
    assert caught.value.response["DuplicateOperationId"] == "op-1"


def test_errors_are_cbor_with_the_whole_shape_id(url: str) -> None:
    headers = {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor"}

    def ask(operation: str, params: Any) -> tuple[int, dict[str, Any]]:
        body = cbor2.dumps(params)
        answer = httpx.post(url + PREFIX + operation, content=body, headers=headers)
        assert answer.headers["content-type"] == "application/cbor"
        return answer.status_code, cbor2.loads(answer.content)

    status, error = ask("CreateHttpNamespace", {"Name": "ns"})
    assert status == 409
    assert error["__type"] == "com.amazonaws.servicediscovery#DuplicateRequest"
    status, error = ask("CreateHttpNamespace", {"Name": 5})
    assert (status, error["__type"]) == (
        400,
        "com.amazonaws.servicediscovery#SerializationException",
    )
    assert error["message"] == "NUMBER_VALUE cannot be converted to String at 'Name'"
    assert ask("CreateHttpNamespace", {})[1]["__type"].endswith("#InvalidInput")
    assert ask("ListTagsForResource", {"ResourceARN": "a"})[1]["__type"].endswith(
        "#UnknownOperationException"
    )
    assert ask("Nothing", {})[0] == 404
