"""Reading the credential scope, and recognising services without one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.aws.signing import Identity, identify
from tealmesh.aws.wire.apimodel import load_model
from tealmesh.aws.wire.codec import Request
from tealmesh.model.errors import AwsError

MODELS = [load_model(name) for name in ("appmesh", "ecs", "servicediscovery", "tealmesh")]


def asked(path: str = "/", query: str = "", **headers: str) -> Identity:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return identify(Request("POST", path, query, named, b""), MODELS, "r")


@given(
    st.text("ABCDEFGHabc019+/=", min_size=1),
    st.from_regex(r"[a-z]{2}-[a-z]{4,9}-[1-9]", fullmatch=True),
    st.sampled_from(["appmesh", "ECS", "s3", "execute-api"]),
)
def test_the_scope_names_caller_region_and_service(key: str, region: str, service: str) -> None:
    scope = f"Credential={key}/20261123/{region}/{service}/aws4_request"
    for algorithm in ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"):
        found = asked(authorization=f"{algorithm} {scope},SignedHeaders=host,Signature=x")
        assert (found.service, found.caller.region) == (service.lower(), region)
        assert (found.caller.actor, found.caller.account) == (key, "123456789012")
        assert found.caller.request_id == "r"


@pytest.mark.parametrize(
    "scope", ["", "AKID", "AKID/20261123/us-east-1/ecs", "A/B/C/D/E", "A//us-east-1/x/aws4_request"]
)
def test_a_broken_scope_is_refused(scope: str) -> None:
    with pytest.raises(AwsError) as caught:
        asked(authorization=f"AWS4-HMAC-SHA256 Credential={scope}, Signature=x")
    assert caught.value.code == "IncompleteSignatureException"
    with pytest.raises(AwsError):
        asked(query=f"X-Amz-Credential={scope}")


def test_without_a_scope() -> None:
    target = "AmazonEC2ContainerServiceV20141113.ListClusters"
    assert asked(x_amz_target=target).service == "ecs"
    assert asked(x_amz_target="Tealmesh_20261101.GetStatus").service == "tealmesh"
    assert asked("/v20190125/meshes").service == "appmesh"
    assert asked("/v20190125x").service is None
    found = asked(host="data-servicediscovery.eu-north-1.amazonaws.com")
    assert (found.service, found.caller.region) == ("servicediscovery", "eu-north-1")
    assert asked(host="logs.us-gov-west-1.amazonaws.com:443").service == "logs"
    assert asked(authorization="AWS AKID:sig").service == "s3"
    assert asked("/b/k", "AWSAccessKeyId=A&Expires=1&Signature=s").service == "s3"
    unknown = asked(authorization="Bearer secret")
    assert (unknown.service, unknown.caller.actor) == (None, "unsigned")
