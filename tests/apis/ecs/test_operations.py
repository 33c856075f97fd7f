"""Every operation of the models of ECS and Cloud Map is a method or refused by name."""

from __future__ import annotations

import inspect
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore import xform_name

from tealmesh.apis.ecs.api import Ecs
from tealmesh.apis.servicediscovery.api import ServiceDiscovery
from tealmesh.aws.wire.apimodel import load_model
from tests.support.planes.ecs import Endpoint, endpoint

SERVICES = {"ecs": Ecs, "servicediscovery": ServiceDiscovery}
OPERATIONS = [(name, op) for name in SERVICES for op in load_model(name).operation_names]
MISSING = [(n, op) for n, op in OPERATIONS if not hasattr(SERVICES[n], xform_name(op))]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    directory: Path = tmp_path_factory.mktemp("ecs")
    with endpoint(directory) as gateway:
        yield gateway


def test_there_are_operations_of_both_kinds() -> None:
    assert len(OPERATIONS) > 90
    assert 0 < len(MISSING) < len(OPERATIONS) / 2
    assert all(name == "ecs" for name, _ in MISSING)  # Cloud Map is whole


@pytest.mark.parametrize(("name", "operation"), MISSING, ids=lambda part: part)
def test_what_is_no_method_is_refused_by_name(served: Endpoint, name: str, operation: str) -> None:
    model = load_model(name)
    request = urllib.request.Request(
        served.url,
        data=b"{}",
        headers={
            "X-Amz-Target": f"{model.target_prefix}.{operation}",
            "Content-Type": model.content_type,
            "Authorization": "AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/"
            f"{model.signing_name}/aws4_request, SignedHeaders=host, Signature=0",
        },
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as answer:
        body = json.load(answer)
        assert answer.code == 400
    assert body["__type"] == "UnknownOperationException"
    assert operation in body["message"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_public_method_is_an_operation(name: str) -> None:
    operations = {xform_name(op) for op in load_model(name).operation_names}
    public = {
        member: value
        for member, value in inspect.getmembers(SERVICES[name])
        if not member.startswith("_")
    }
    assert public.keys() <= operations
    assert all(inspect.iscoroutinefunction(method) for method in public.values())
