"""Signatures of botocore's own signers are good, and nothing that differs from them."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.aws.callers import signatures
from tealmesh.aws.callers.signatures import Key
from tealmesh.aws.wire.codec import Request
from tealmesh.model.errors import AwsError

KEY = Key("AKIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
HOST = "127.0.0.1:4566"
SIGNERS = {
    "header": SigV4Auth,
    "S3 header": S3SigV4Auth,
    "URL": SigV4QueryAuth,
    "S3 URL": S3SigV4QueryAuth,
}


def signed(
    kind: str = "header",
    target: str = "/",
    body: bytes = b"{}",
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
) -> Request:
    """A request that botocore has signed, as it arrives."""
    method = "GET" if "URL" in kind else "POST"
    body = b"" if method == "GET" else body
    asked = AWSRequest(method, f"http://{HOST}{target}", headers=dict(headers or {}), data=body)
    service = "s3" if "S3" in kind else "ecs"
    SIGNERS[kind](Credentials(KEY.id, KEY.secret, token), service, "us-east-1").add_auth(asked)
    arrived = {name.lower(): value for name, value in asked.headers.items()} | {"host": HOST}
    parts = urlsplit(asked.url)
    return Request(method, parts.path, parts.query, arrived, body)


def check(request: Request, key: Key = KEY, now: float | None = None) -> None:
    """Verify as the front does. Raises AwsError."""
    found = signatures.read(request)
    assert found is not None
    now = time.time() if now is None else now
    if signatures.says_its_hash(request):
        signatures.verify(request, found, key, now, None)
        signatures.verify_body(request, found, key, request.body)
    else:
        signatures.verify(request, found, key, now, request.body)


@pytest.mark.parametrize("kind", SIGNERS)
@pytest.mark.parametrize("token", [None, "teal.token"])
@given(
    path=st.text("abc/~-. %2Fé+$&", max_size=12),
    query=st.lists(st.tuples(st.text("ab-_%20", max_size=5), st.text("xyz%2F+", max_size=5))),
    body=st.binary(max_size=50),
)
def test_what_botocore_signs_is_good(
    kind: str, token: str | None, path: str, query: list[tuple[str, str]], body: bytes
) -> None:
    from urllib.parse import quote

    target = "/" + quote(path.lstrip("/"), safe="/~")
    text = "&".join(sorted(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in query))
    request = signed(kind, target + (f"?{text}" if text else ""), body, token=token)
    check(request)
    with pytest.raises(AwsError):
        check(request, Key(KEY.id, KEY.secret + "x"))


@pytest.mark.parametrize("kind", SIGNERS)
@pytest.mark.parametrize("change", ["method", "path", "query", "header", "host", "new header"])
def test_what_differs_from_what_was_signed_is_not(kind: str, change: str) -> None:
    request = signed(kind, "/a?b=c", headers={"x-amz-target": "A.RunTask"})
    different = {
        "method": replace(request, method="DELETE"),
        "path": replace(request, path="/b"),
        "query": replace(request, query=request.query + "&Action=CreateUser"),
        "header": replace(request, headers={**request.headers, "x-amz-target": "A.StopTask"}),
        "host": replace(request, headers={**request.headers, "host": "localhost:4566"}),
        "new header": replace(request, headers={**request.headers, "x-amz-acl": "public-read"}),
    }[change]
    check(request)
    with pytest.raises(AwsError):
        check(different)


@pytest.mark.parametrize("kind", ["header", "S3 header"])
@given(body=st.binary(max_size=20))
def test_a_body_that_differs_is_not(kind: str, body: bytes) -> None:
    request = signed(kind, body=b"{'cluster': 'blue'}")
    if body != request.body:
        with pytest.raises(AwsError):
            check(replace(request, body=body))


@pytest.mark.parametrize("kind", SIGNERS)
@pytest.mark.parametrize("late", [-302, 302, 4000])
def test_a_signature_is_good_for_five_minutes_or_as_long_as_its_url(kind: str, late: float) -> None:
    request = signed(kind)
    check(request, now=time.time() + late / 2 if abs(late) < 4000 else None)
    lasts = "URL" in kind and 0 < late < 3600
    if lasts:
        check(request, now=time.time() + late)
        return
    with pytest.raises(AwsError) as error:
        check(request, now=time.time() + late)
    assert error.value.code in ("SignatureDoesNotMatch", "RequestTimeTooSkewed")


def test_only_s3_may_leave_its_payload_unsigned() -> None:
    free = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    with pytest.raises(AwsError, match="must be the SHA-256 of the body"):
        check(signed("header", headers=free))


def chunked(parts: list[bytes]) -> Request:
    """What S3 clients send that sign chunk by chunk, which botocore cannot."""
    said = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": HOST, "x-amz-date": stamp, "x-amz-content-sha256": said}
    scope = f"{stamp[:8]}/us-east-1/s3/aws4_request"
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"PUT\n/bucket/key\n\n{lines}\n{names}\n{said}"

    def mac(key: bytes, text: str) -> bytes:
        return hmac.new(key, text.encode(), hashlib.sha256).digest()

    secret = b"AWS4" + KEY.secret.encode()
    for part in (*scope.split("/"),):
        secret = mac(secret, part)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    previous = mac(secret, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}").hex()
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={KEY.id}/{scope}, SignedHeaders={names}, Signature={previous}"
    )
    body, empty = b"", hashlib.sha256(b"").hexdigest()
    for part in [*parts, b""]:
        said = hashlib.sha256(part).hexdigest()
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{scope}\n{previous}\n{empty}\n{said}"
        previous = mac(secret, text).hex()
        body += f"{len(part):x};chunk-signature={previous}\r\n".encode() + part + b"\r\n"
    return Request("PUT", "/bucket/key", "", {**headers, "authorization": authorization}, body)


def test_chunks_are_verified_one_by_one() -> None:
    request = chunked([b"first" * 20, b"second"])
    check(request)
    for changed in (
        request.body.replace(b"second", b"secund"),
        request.body[: request.body.rindex(b"0;chunk")],
        b"6\r\nsecond\r\n0\r\n\r\n",
    ):
        with pytest.raises(AwsError, match="chunk"):
            check(replace(request, body=changed))


@pytest.mark.parametrize(
    "authorization",
    [
        "AWS4-HMAC-SHA256 Credential=A/20260101/r/s/aws4_request, SignedHeaders=host",
        "AWS4-HMAC-SHA256 Credential=A, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 SignedHeaders=, Credential=A/1/r/s/aws4_request, Signature=0",
    ],
)
def test_half_a_signature_is_refused(authorization: str) -> None:
    headers = {"host": HOST, "authorization": authorization, "x-amz-date": "20260101T000000Z"}
    with pytest.raises(AwsError) as error:
        signatures.read(Request("POST", "/", "", headers, b""))
    assert error.value.code == "IncompleteSignature"
