"""Bodies that moto is never given."""

from __future__ import annotations

import gzip

import pytest

from tealmesh.aws.moto.faults import MAX_UNPACKED_BYTES, check_body
from tealmesh.aws.wire.codec import Request
from tealmesh.model.errors import AwsError

BOMB = gzip.compress(b" " * (MAX_UNPACKED_BYTES + 1))


def packed(body: bytes, kind: str = "application/x-amz-json-1.1") -> Request:
    return Request("POST", "/", "", {"content-type": kind, "content-encoding": "gzip"}, body)


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        (BOMB, "RequestEntityTooLargeException", 413),
        (gzip.compress(b"{}" * 100) + BOMB, "RequestEntityTooLargeException", 413),
        (b"no gzip", "SerializationException", 400),
        (gzip.compress(b'{"a": 1}')[:-9], "SerializationException", 400),
        (gzip.compress(b"{"), "SerializationException", 400),
    ],
    ids=["large", "large in parts", "no gzip", "half", "no JSON"],
)
def test_packed_bodies_that_are_refused(body: bytes, code: str, status: int) -> None:
    with pytest.raises(AwsError) as caught:
        check_body(packed(body), "logs")
    assert (caught.value.code, caught.value.status) == (code, status)


def test_packed_bodies_that_are_taken() -> None:
    check_body(packed(gzip.compress(b'{"a":') + gzip.compress(b"1}")), "logs")
    check_body(packed(BOMB, "text/plain"), "s3")  # S3 keeps it as it is
