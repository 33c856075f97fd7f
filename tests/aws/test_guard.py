"""Which hosts and origins are accepted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.aws.guard import refusal, refuse_unsigned_change
from tealmesh.aws.wire.codec import Request
from tealmesh.model.errors import AwsError


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:4566",
        "127.0.0.1:4566",
        "127.3.2.1",
        "[::1]:4566",
        "data-127.0.0.1:4566",
        "data-localhost:4566",
        "169.254.170.2",
        "data-169.254.170.2",
        "my.mesh:4566",
    ],
)
def test_known_hosts(host: str) -> None:
    assert refusal("GET", "/", {"host": host}, {"My.Mesh"}) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "appmesh.us-east-1.amazonaws.com",
        "evil.s3.amazonaws.com:4566",
        "evil.localhost:4566",
        "[::1].evil.com",
        "[::1",
        "::1",
        "data-evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:4566",
        "notlocalhost",
        "amazonaws.com.evil.example",
        "10.0.0.1:4566",
        "0.0.0.0:4566",
        "[::2]:4566",
        "127.0.0.1@evil.example",
    ],
)
def test_foreign_hosts(host: str) -> None:
    reason = refusal("POST", "/", {"host": host})
    assert reason is not None
    assert repr(host) in reason


def test_a_missing_host_is_foreign() -> None:
    assert refusal("GET", "/", {}) is not None


@given(st.from_regex(r"[a-z0-9]{1,20}(\.[a-z0-9]{1,9}){0,3}(:[0-9]{1,5})?", fullmatch=True))
def test_an_origin_must_be_the_host_itself(other: str) -> None:
    headers = {"host": "localhost:4566", "origin": f"http://{other}"}
    assert (refusal("POST", "/", headers) is None) == (other == "localhost:4566")


def test_browsers_own_word_on_sites() -> None:
    def asked(method: str, path: str, **fetch: str) -> str | None:
        headers = {"host": "localhost"} | {f"sec-fetch-{k}": v for k, v in fetch.items()}
        return refusal(method, path, headers)

    assert asked("GET", "/_teal/", site="none", mode="navigate") is None
    assert asked("POST", "/", site="same-origin", mode="cors") is None
    assert asked("GET", "/_teal/", site="cross-site", mode="navigate") is None  # a link
    assert asked("GET", "/_teal/", site="cross-site", mode="no-cors") is not None
    assert asked("POST", "/_teal/", site="cross-site", mode="navigate") is not None
    assert asked("GET", "/v20190125/meshes", site="cross-site", mode="navigate") is not None
    assert asked("GET", "/_teal/", site="same-site", mode="cors") is not None


@pytest.mark.parametrize("origin", ["null", "", "http://[::1", "localhost", "file://localhost"])
def test_odd_origins_are_refused(origin: str) -> None:
    headers = {"host": "localhost", "origin": origin}
    assert refusal("POST", "/", headers) is not None


def test_a_bucket_may_stand_before_localhost_where_s3_is_asked() -> None:
    scope = "Credential=test/20261127/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
    for service in ("s3", "iam"):
        signed = f"AWS4-HMAC-SHA256 {scope.format(service)}"
        headers = {"host": "bucket.localhost:4566", "authorization": signed}
        assert (refusal("PUT", "/key", headers) is None) == (service == "s3")
        page = {**headers, "origin": "http://bucket.localhost:4566"}
        assert refusal("PUT", "/key", page) is not None


@pytest.mark.parametrize(
    ("method", "query", "headers", "signed", "refused"),
    [
        ("GET", "Action=CreateUser&X-Amz-Credential=a", {}, False, True),
        ("GET", "UserName=x&Action=CreateUser", {}, False, True),
        ("HEAD", "Action=CreateUser", {}, False, True),
        ("GET", "Action=CreateUser", {}, True, False),
        ("GET", "Action=CreateUser", {"authorization": "AWS4-HMAC-SHA256 x"}, False, False),
        ("GET", "Action=ListUsers", {}, False, False),
        ("GET", "Action=ListUsers&Action=CreateUser", {}, False, True),
        ("POST", "Action=CreateUser", {}, False, False),
        ("GET", "list-type=2", {}, False, False),
    ],
)
def test_what_a_page_can_let_a_browser_get_changes_nothing(
    method: str, query: str, headers: dict[str, str], signed: bool, refused: bool
) -> None:
    request = Request(method, "/", query, headers, b"")
    if refused:
        with pytest.raises(AwsError, match="use POST"):
            refuse_unsigned_change(request, signed=signed)
    else:
        refuse_unsigned_change(request, signed=signed)
