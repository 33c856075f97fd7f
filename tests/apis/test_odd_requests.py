"""Requests that nobody should send, to every operation of ECS and Cloud Map.

Each is answered in the service's own format with an error of the caller's: no SDK tries it again.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tealmesh.aws.wire.apimodel import Model, load_model
from tests.support.planes.ecs import Endpoint, endpoint

SERVICES = ("ecs", "servicediscovery")
ROUNDS = 3
ODD = ("x", -1, 10**30, 1.5, True, None, [], {}, ["x"], {"a": "b"}, "\0", "ü" * 300, "arn:aws:x")
KNOWN = ("SerializationException", "UnknownOperationException")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    directory: Path = tmp_path_factory.mktemp("odd")
    with endpoint(directory) as found:
        found.client("ecs").create_cluster(clusterName="default")
        yield found


def odd(shape: Any, choose: random.Random, depth: int = 0) -> Any:
    """A value of the shape in which some parts have the type of another."""
    if depth and choose.random() < 0.1:
        return choose.choice(ODD)
    match shape.type_name:
        case "structure":
            likely = 0.6 if depth < 3 else 0.2
            return {
                name: odd(member, choose, depth + 1)
                for name, member in shape.members.items()
                if choose.random() < likely
            }
        case "list":
            return [odd(shape.member, choose, depth + 1) for _ in range(choose.randrange(3))]
        case "map":
            return {"k": odd(shape.value, choose, depth + 1)}
        case "string":
            return choose.choice(getattr(shape, "enum", None) or ["default", "x", "", "x:1"])
        case "boolean":
            return choose.random() < 0.5
        case _:
            return choose.choice((-1, 0, 1, 100, 10**12))


@pytest.mark.parametrize("service", SERVICES)
def test_odd_requests_are_the_caller_s_errors(served: Endpoint, service: str) -> None:
    model, choose = load_model(service), random.Random(4)
    with httpx.Client(base_url=served.url, timeout=30) as http:
        for operation in model.operation_names:
            for _ in range(ROUNDS):
                body = json.dumps(odd(model.operation(operation).input_shape, choose))
                answer = http.post("/", headers=headers(model, operation), content=body)
                look(model, operation, body, answer)


def headers(model: Model, operation: str) -> dict[str, str]:
    scope = f"Credential=AKID/20261125/us-east-1/{model.signing_name}/aws4_request"
    return {
        "x-amz-target": f"{model.target_prefix}.{operation}",
        "content-type": model.content_type,
        "authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
    }


def look(model: Model, operation: str, body: str, answer: httpx.Response) -> None:
    told = f"{operation} {body[:2000]} -> {answer.status_code} {answer.text[:500]}"
    assert answer.status_code < 500, told
    assert answer.headers["content-type"] == model.content_type, told
    said = answer.json()
    if answer.status_code >= 400:
        code = answer.headers["x-amzn-errortype"]
        assert said["__type"] == code, told
        assert said["message"], told
        assert code in (*model.error_shapes, *KNOWN), told
