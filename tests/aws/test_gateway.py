"""The port as clients see it: real sockets, boto3, raw HTTP."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tealmesh.aws.clients import client
from tealmesh.aws.gateway import API_BODY_LIMIT_BYTES
from tealmesh.aws.wire.apimodel import models_path
from tests.aws.demo import Meshes, build_demo
from tests.support.programs.server import serve

AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=AKID/20261123/eu-west-1/{service}/aws4_request, "
    "SignedHeaders=host, Signature=00"
)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, Meshes]]:
    page = Route("/_teal/page", lambda request: PlainTextResponse("ours"))
    app, meshes = build_demo(routes=[page], allowed_hosts={"mesh.internal"})
    with serve(app) as url:
        yield url, meshes


def signed(service: str) -> dict[str, str]:
    return {"authorization": AUTHORIZATION.format(service=service)}


def failed(call: Any, **params: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    error = answer["Error"]
    return answer["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]


def test_boto3_creates_describes_and_lists(served: tuple[str, Meshes]) -> None:
    url, meshes = served
    appmesh = client("appmesh", url, region="eu-central-1", access_key="AK/with+slash")
    spec = {"egressFilter": {"type": "ALLOW_ALL"}}
    made = appmesh.create_mesh(meshName="a b/ä", spec=spec)["mesh"]
    assert made["spec"] == spec
    assert made["metadata"]["arn"] == "arn:aws:appmesh:eu-central-1:123456789012:mesh/a b/ä"
    assert made["metadata"]["createdAt"].timestamp() == 1_700_000_000.123
    assert appmesh.describe_mesh(meshName="a b/ä")["mesh"] == made
    assert [m["meshName"] for m in appmesh.list_meshes(limit=1)["meshes"]] == ["a b/ä"]
    caller = meshes.callers[-1]
    assert (caller.actor, caller.region) == ("AK/with+slash", "eu-central-1")
    assert len(caller.request_id) == 36


def test_errors_reach_boto3_with_code_status_and_text(served: tuple[str, Meshes]) -> None:
    appmesh = client("appmesh", served[0])
    text = "There is no mesh 'none' …"
    assert failed(appmesh.describe_mesh, meshName="none") == (404, "NotFoundException", text)
    appmesh.create_mesh(meshName="twice")
    status, code, _ = failed(appmesh.create_mesh, meshName="twice")
    assert (status, code) == (409, "ConflictException")
    cloud = client("servicediscovery", served[0])
    with pytest.raises(cloud.exceptions.DuplicateRequest) as caught:
        cloud.create_http_namespace(Name="ns")
    assert caught.value.response["DuplicateOperationId"] == "op-1"
    assert caught.value.response["Error"]["Message"] == "again"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert "Private" not in caught.value.response


def test_an_operation_without_a_method_is_refused_by_name(served: tuple[str, Meshes]) -> None:
    ecs = client("ecs", served[0])
    assert failed(ecs.list_services, cluster="c") == (
        400,
        "UnknownOperationException",
        "Tealmesh does not implement ecs ListServices",
    )
    ours = client("tealmesh", served[0])  # no service object behind it at all
    assert failed(ours.get_status)[2] == "Tealmesh does not implement tealmesh GetStatus"


def test_data_plane_calls_of_cloud_map_work(served: tuple[str, Meshes]) -> None:
    cloud = client("servicediscovery", served[0])
    answer = cloud.discover_instances(NamespaceName="n", ServiceName="s")
    assert answer["InstancesRevision"] == 7


def test_constraints_are_checked_before_the_method(served: tuple[str, Meshes]) -> None:
    url, meshes = served
    before = len(meshes.callers)
    body = {"meshName": "m" * 256, "spec": {"egressFilter": {"type": "ALLOW"}}, "tags": [{}]}
    answer = httpx.put(f"{url}/v20190125/meshes", json=body, headers=signed("appmesh"))
    assert answer.status_code == 400
    assert answer.headers["x-amzn-errortype"] == "BadRequestException"
    assert answer.json()["__type"] == "BadRequestException"
    message = answer.json()["message"]
    assert message.startswith("4 validation errors detected: ")
    assert "at 'meshName' failed to satisfy constraint: Member must have length less" in message
    assert (
        "Value 'ALLOW' at 'spec.egressFilter.type' failed to satisfy constraint: "
        "Member must satisfy enum value set: [ALLOW_ALL, DROP_ALL]" in message
    )
    assert "Value null at 'tags.1.member.key'" in message
    assert len(meshes.callers) == before


def test_wire_facts_of_the_go_sdk(served: tuple[str, Meshes]) -> None:
    """What the Go SDK, which the Terraform provider uses, requires."""
    url, _ = served
    made = httpx.put(
        f"{url}/v20190125/meshes?meshOwner=123456789012",
        json={"meshName": "go", "spec": {"egressFilter": None}, "unknown": 1},
        headers=signed("appmesh"),
    )
    assert made.status_code == 200
    assert made.headers["content-type"] == "application/json"
    assert len(made.headers["x-amzn-requestid"]) == 36
    mesh = made.json()
    assert mesh["meshName"] == "go"  # bare: not under "mesh"
    assert "mesh" not in mesh
    assert mesh["metadata"]["createdAt"] == 1_700_000_000.123
    assert mesh["metadata"]["lastUpdatedAt"] == 1_700_000_001
    assert mesh["metadata"]["version"] == 1
    assert mesh["spec"] == {}  # null is absent, never handed back
    assert "PRIVATE" not in made.text
    listed = httpx.get(f"{url}/v20190125/meshes", headers=signed("appmesh")).json()
    assert isinstance(listed["meshes"], list)  # not bare
    assert "nextToken" not in listed
    missing = httpx.get(f"{url}/v20190125/meshes/none", headers=signed("appmesh"))
    assert missing.status_code == 404
    assert missing.headers["X-Amzn-ErrorType"] == "NotFoundException"
    assert missing.json()["message"].startswith("There is no mesh")


def test_ecs_speaks_json_1_1(served: tuple[str, Meshes]) -> None:
    url, _ = served
    target = "AmazonEC2ContainerServiceV20141113."
    headers = signed("ecs") | {"x-amz-target": target + "ListClusters"}
    answer = httpx.post(url, content=b'{"maxResults": 5.0}', headers=headers)
    assert answer.json() == {"clusterArns": ["cluster/5"]}
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert httpx.post(url, headers=headers).json() == {"clusterArns": ["cluster/None"]}
    unknown = httpx.post(url, headers=signed("ecs") | {"x-amz-target": target + "Nothing"})
    assert (unknown.status_code, unknown.json()["__type"]) == (404, "UnknownOperationException")
    assert "Nothing" in unknown.json()["message"]
    without = httpx.post(url, headers=signed("ecs"))
    assert without.json()["message"].endswith("a request without X-Amz-Target")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b"[]", "must be an object of members"),
        (b"\xff", "not JSON"),
        (b'{"maxResults": NaN}', "NaN"),
        (b'{"maxResults": "5"}', "STRING_VALUE cannot be converted to Integer at 'maxResults'"),
        (b'{"maxResults": true}', "BOOLEAN_VALUE cannot be converted to Integer at 'maxResults'"),
        (b'{"maxResults": 1.5}', "NUMBER_VALUE cannot be converted to Integer at 'maxResults'"),
        (b'{"maxResults": 1e999}', "NUMBER_VALUE cannot be converted to Integer at 'maxResults'"),
        (b'{"maxResults": 2147483648}', "2147483648 at 'maxResults' is out of range for Integer"),
        (b'{"nextToken": "\\ud800"}', "'nextToken' is not valid Unicode"),
        (b'{"nextToken": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not JSON"),
        (b'{"maxResults": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_what_cannot_be_read_is_refused(served: tuple[str, Meshes], body: bytes, said: str) -> None:
    headers = signed("ecs") | {"x-amz-target": "AmazonEC2ContainerServiceV20141113.ListClusters"}
    answer = httpx.post(served[0], content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.headers["x-amzn-errortype"] == "SerializationException"
    assert said in answer.json()["message"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v20190125/meshes?limit=many", 400, "SerializationException"),
        ("/v20190125/meshes?limit=0", 400, "BadRequestException"),
        ("/v20190125/meshes?limit=101", 400, "BadRequestException"),
        ("/v20190125/meshes/%ff", 400, "SerializationException"),
        ("/v20190125/meshes/%zz", 400, "SerializationException"),
        ("/v20190125/meshes//virtualNodes/x", 404, "UnknownOperationException"),
        ("/v20190125/nothing", 404, "UnknownOperationException"),
    ],
)
def test_bad_uris_are_refused(
    served: tuple[str, Meshes], path: str, status: int, code: str
) -> None:
    answer = httpx.get(served[0] + path, headers=signed("appmesh"))
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (status, code)


def test_our_own_failures_tell_no_secrets(
    served: tuple[str, Meshes], caplog: pytest.LogCaptureFixture
) -> None:
    appmesh = client("appmesh", served[0])
    with caplog.at_level(logging.ERROR):
        status, code, message = failed(appmesh.create_mesh, meshName="broken")
    assert (status, code) == (500, "InternalServerErrorException")
    assert "secret" not in message
    assert "ZeroDivisionError" in caplog.text
    status, code, message = failed(appmesh.create_mesh, meshName="engine")
    assert (status, message) == (500, "port 15000 is in use: stop what holds it")
    caplog.clear()
    assert failed(appmesh.delete_mesh, meshName="x")[0] == 500  # not what the model promises
    assert "mesh.spec is a str: the model says structure" in caplog.text


def test_services_are_found_without_a_signature(served: tuple[str, Meshes]) -> None:
    url, meshes = served
    assert "meshes" in httpx.get(f"{url}/v20190125/meshes").json()
    assert meshes.callers[-1].actor == "unsigned"
    target = {"x-amz-target": "AmazonEC2ContainerServiceV20141113.ListClusters"}
    assert "clusterArns" in httpx.post(url, headers=target).json()
    scope = "X-Amz-Credential=AKID%2F20261123%2Feu-west-3%2Fappmesh%2Faws4_request"
    assert "meshes" in httpx.get(f"{url}/v20190125/meshes?{scope}").json()
    assert meshes.callers[-1].region == "eu-west-3"
    wrong = {"authorization": "AWS4-HMAC-SHA256 Credential=AKID/20261123, Signature=0"}
    answer = httpx.get(f"{url}/v20190125/meshes", headers=wrong)
    assert answer.headers["x-amzn-errortype"] == "IncompleteSignatureException"


def test_everything_else_is_json(served: tuple[str, Meshes]) -> None:
    url, _ = served
    for method, path in [("GET", "/"), ("GET", "/a.html"), ("PUT", "/"), ("GET", "/_teal/none")]:
        answer = httpx.request(method, url + path)
        assert answer.status_code == 404
        assert answer.json()["__type"] == "UnknownOperationException"
    head = httpx.head(url + "/anything")
    assert (head.status_code, head.content) == (404, b"")
    assert httpx.post(url + "/_teal/health").json()["message"] == "Method Not Allowed"
    answer = httpx.post(url, headers=signed("s3"))
    assert "answers for appmesh, ecs, servicediscovery, tealmesh only" in answer.json()["message"]


def test_health_and_further_routes(served: tuple[str, Meshes]) -> None:
    url, _ = served
    answer = httpx.get(f"{url}/_teal/health")
    assert answer.json() == {"status": "ok", "pid": 1, "version": "0", "revision": 3}
    assert httpx.get(f"{url}/_teal/page").text == "ours"


def test_a_foreign_page_is_refused(served: tuple[str, Meshes]) -> None:
    url, meshes = served
    before = len(meshes.callers)
    for headers in (
        {"host": "rebound.example"},
        {"origin": "http://localhost:3000"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ):
        for path in ("/v20190125/meshes", "/_teal/health"):
            answer = httpx.get(url + path, headers=headers)
            assert answer.status_code == 403
            assert answer.json()["__type"] == "AccessDeniedException"
    assert len(meshes.callers) == before
    assert httpx.get(f"{url}/_teal/health", headers={"host": "mesh.internal:80"}).is_success
    assert httpx.get(f"{url}/_teal/health", headers={"origin": url}).is_success


def test_bodies_are_limited(served: tuple[str, Meshes]) -> None:
    url, _ = served
    big = b" " * (API_BODY_LIMIT_BYTES + 1)
    for content in (big, iter([big[:1000], big])):  # with a length, and chunked without
        answer = httpx.put(f"{url}/v20190125/meshes", content=content, headers=signed("appmesh"))
        assert answer.status_code == 413
        assert answer.headers["x-amzn-errortype"] == "RequestEntityTooLargeException"
    fits = json.dumps({"meshName": "big"}).encode().ljust(API_BODY_LIMIT_BYTES)
    assert httpx.put(f"{url}/v20190125/meshes", content=fits, headers=signed("appmesh")).is_success


def test_a_caller_who_goes_away_harms_nobody(
    served: tuple[str, Meshes], caplog: pytest.LogCaptureFixture
) -> None:
    url, _ = served
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        request = "PUT /v20190125/meshes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{"
        connection.sendall(request.encode())
    assert httpx.get(f"{url}/_teal/health").is_success
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]


def test_the_aws_cli_works(served: tuple[str, Meshes], tmp_path: Path) -> None:
    url, _ = served
    client("appmesh", url).create_mesh(meshName="cli")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_DATA_PATH": models_path(),
        "AWS_ENDPOINT_URL": url,
        "AWS_PAGER": "",
    }

    def aws(*words: str) -> subprocess.CompletedProcess[str]:
        program = [str(Path(sys.executable).parent / "aws"), *words]
        return subprocess.run(program, env=environment, capture_output=True, text=True, check=False)

    described = aws("appmesh", "describe-mesh", "--mesh-name", "cli")
    assert described.returncode == 0, described.stderr
    assert json.loads(described.stdout)["mesh"]["meshName"] == "cli"
    ours = aws("tealmesh", "get-status")
    assert "Tealmesh does not implement tealmesh GetStatus" in ours.stderr
