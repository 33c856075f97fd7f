"""Verifies Signature Version 4 by running botocore's own signer again on the request. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html. Of S3 also what other services
do not have: payloads that are unsigned, or signed chunk by chunk
(https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.credentials import Credentials

from tealmesh.aws.wire.codec import Request
from tealmesh.model.errors import AwsError

SKEW_SECONDS = 300
"""How far a caller's clock may be from ours."""

_MAX_PRESIGNED_SECONDS = 7 * 24 * 3600
_ALGORITHM = "AWS4-HMAC-SHA256"
_FIELDS = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]*)")
_HASH = re.compile(r"[0-9a-f]{64}")
_UNSIGNED = "UNSIGNED-PAYLOAD"
_CHUNKED = ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")
_UNSIGNED_CHUNKED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_S3 = frozenset({"s3", "s3express", "s3-object-lambda", "s3-outposts"})
_EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Key:
    """A key pair, with which a caller signs."""

    id: str
    secret: str


@dataclass(frozen=True)
class Signed:
    """A request's signature, as it claims it."""

    key_id: str
    day: str
    region: str
    service: str
    headers: tuple[str, ...]
    """The names of the headers that it covers."""
    signature: str
    stamp: str
    """When it was made, as YYYYMMDDTHHMMSSZ."""
    token: str
    """The session token; empty for none."""
    expires: int | None = None
    """Seconds, of a presigned URL; None for a header."""

    @property
    def is_s3(self) -> bool:
        return self.service in _S3


def read(request: Request) -> Signed | None:
    """The signature of version 4 in the header or the URL; None if there is none.

    Raises AwsError ``IncompleteSignature`` if it is not whole.
    """
    authorization = request.headers.get("authorization", "")
    if authorization.startswith(_ALGORITHM + " "):
        fields = dict(_FIELDS.findall(authorization))
        stamp = request.headers.get("x-amz-date", "")
        token = request.headers.get("x-amz-security-token", "")
        expires = None
    elif not authorization and "X-Amz-Signature" in (query := _query(request)):
        fields = {name: query.get(f"X-Amz-{name}", "") for name in ("Credential", "SignedHeaders")}
        fields["Signature"] = query["X-Amz-Signature"]
        stamp, token = query.get("X-Amz-Date", ""), query.get("X-Amz-Security-Token", "")
        text = query.get("X-Amz-Expires", "")
        if query.get("X-Amz-Algorithm") != _ALGORITHM or not re.fullmatch(r"\d{1,7}", text):
            raise _incomplete("X-Amz-Algorithm and X-Amz-Expires")
        expires = int(text)
    else:
        return None
    parts = fields.get("Credential", "").rsplit("/", 4)
    signed = tuple(filter(None, fields.get("SignedHeaders", "").split(";")))
    if len(parts) != 5 or not signed or not fields.get("Signature") or not stamp:
        raise _incomplete("Credential, SignedHeaders, Signature and a date (X-Amz-Date)")
    key_id, day, region, service, _ = parts
    return Signed(key_id, day, region, service, signed, fields["Signature"], stamp, token, expires)


def _query(request: Request) -> Mapping[str, str]:
    # Most requests have no signature there, and need not be read for one.
    if "X-Amz-Signature=" not in request.query:
        return {}
    return dict(parse_qsl(request.query, keep_blank_values=True))


def verify(request: Request, signed: Signed, key: Key, now: float, body: bytes | None) -> None:
    """Raise AwsError unless ``key`` made the signature for this request at about ``now``.

    ``body`` may be None, to verify before it is read, if the request says its hash
    (`says_its_hash`); `verify_body` then has to follow.
    """
    _verify_time(signed, now)
    _verify_headers(request, signed)
    payload = _payload(request, signed, body)
    for canonical in (_canonical(request, signed, payload, one) for one in _signers(signed)):
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join([_ALGORITHM, signed.stamp, _scope(signed), digest])
        made = _hmac(_signing_key(signed, key), text).hex()
        if hmac.compare_digest(made.encode(), signed.signature.encode()):
            break
    else:
        raise AwsError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method. Consult the service documentation for "
            "details.",
            status=403,
        )
    if body is not None:
        verify_body(request, signed, key, body)


def says_its_hash(request: Request) -> bool:
    """Whether a signature can be verified before the body is read."""
    return "x-amz-content-sha256" in request.headers


def verify_body(request: Request, signed: Signed, key: Key, body: bytes) -> None:
    """Raise AwsError unless ``body`` is what was signed."""
    said = request.headers.get("x-amz-content-sha256", "")
    if _HASH.fullmatch(said) and hashlib.sha256(body).hexdigest() != said:
        raise AwsError(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
            status=400,
        )
    if said in _CHUNKED:
        _verify_chunks(signed, key, body)


def _verify_time(signed: Signed, now: float) -> None:
    try:
        made = datetime.strptime(signed.stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise _incomplete("a date of the form 20261127T023000Z") from error
    if signed.day != signed.stamp[:8]:
        raise AwsError(
            "SignatureDoesNotMatch",
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{signed.day[:20]}' != '{signed.stamp[:8]}'.",
            status=403,
        )
    latest = made + SKEW_SECONDS
    if signed.expires is not None:
        if not 1 <= signed.expires <= _MAX_PRESIGNED_SECONDS:
            raise AwsError(
                "AuthorizationQueryParametersError",
                f"X-Amz-Expires must be from 1 to {_MAX_PRESIGNED_SECONDS}, not {signed.expires}",
            )
        latest = made + signed.expires
    if now < made - SKEW_SECONDS or now > latest:
        here = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
        when = "expired" if now > latest else "not yet current"
        raise AwsError(
            "RequestTimeTooSkewed" if signed.is_s3 else "SignatureDoesNotMatch",
            f"Signature {when}: it was made at {signed.stamp}, and it is {here} here",
            status=403,
        )


def _verify_headers(request: Request, signed: Signed) -> None:
    needed = {name for name in request.headers if name.startswith("x-amz-")} | {"host"}
    if missing := sorted(needed - set(signed.headers)):
        raise AwsError(
            "AccessDenied" if signed.is_s3 else "SignatureDoesNotMatch",
            f"There were headers present in the request which were not signed: {missing}",
            status=403,
        )


def _payload(request: Request, signed: Signed, body: bytes | None) -> str:
    """The hash of the payload, as the signer had it."""
    said = request.headers.get("x-amz-content-sha256")
    if said is None:
        if signed.is_s3 and signed.expires is not None:
            return _UNSIGNED
        return hashlib.sha256(body or b"").hexdigest() if body else _EMPTY
    whole = _HASH.fullmatch(said) is not None
    if not whole and not (signed.is_s3 and said in (_UNSIGNED, _UNSIGNED_CHUNKED, *_CHUNKED)):
        raise AwsError(
            "SignatureDoesNotMatch",
            f"x-amz-content-sha256 is {said[:80]!r}: must be the SHA-256 of the body in 64"
            " hexadecimal digits (S3 alone takes unsigned and chunked payloads)",
            status=403,
        )
    return said


def _signers(signed: Signed) -> tuple[type[_Covering], ...]:
    return (_CoveringS3,) if signed.is_s3 else (_Covering, _CoveringS3)


def _canonical(request: Request, signed: Signed, payload: str, kind: type[_Covering]) -> str:
    """The canonical request, by botocore's signer."""
    if not request.path.startswith("/"):  # such as `OPTIONS *`, which nobody signs
        raise _incomplete("a path that begins with a slash")
    query = "&".join(
        pair for pair in request.query.split("&") if not pair.startswith("X-Amz-Signature=")
    )
    url = f"http://h{request.path}" + (f"?{query}" if query else "")
    signer = kind(Credentials(signed.key_id, ""), signed.service, signed.region)
    signer.covered = _Headers({name: request.headers.get(name, "") for name in signed.headers})
    # The signer looks for the payload's hash by this name.
    asked = _Asked(request.method, url, {"X-Amz-Content-SHA256": payload})
    return str(signer.canonical_request(asked))


def _scope(signed: Signed) -> str:
    return f"{signed.day}/{signed.region}/{signed.service}/aws4_request"


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _signing_key(signed: Signed, key: Key) -> bytes:
    made = _hmac(b"AWS4" + key.secret.encode(), signed.day)
    for part in (signed.region, signed.service, "aws4_request"):
        made = _hmac(made, part)
    return made


def _verify_chunks(signed: Signed, key: Key, body: bytes) -> None:
    """Each chunk's signature covers its data and the signature before it."""
    secret, previous, at = _signing_key(signed, key), signed.signature, 0
    while True:
        end = body.find(b"\r\n", at)
        match = re.fullmatch(rb"([0-9a-fA-F]{1,8});chunk-signature=([0-9a-f]{64})", body[at:end])
        if end < 0 or match is None:
            raise _chunk("a chunk has no length and signature")
        size = int(match[1], 16)
        data, at = body[end + 2 : end + 2 + size], end + 2 + size + 2
        digest = hashlib.sha256(data).hexdigest()
        text = [f"{_ALGORITHM}-PAYLOAD", signed.stamp, _scope(signed), previous, _EMPTY, digest]
        previous = _hmac(secret, "\n".join(text)).hex()
        if len(data) != size or not hmac.compare_digest(previous.encode(), match[2]):
            raise _chunk("the signature of a chunk does not match its data")
        if size == 0:
            return


class _Headers(dict[str, str]):
    """Headers in the form that the signer reads. botocore's own are an email message, which takes
    most of the time of a verification.
    """

    def get_all(self, name: str) -> list[str]:
        return [self[name]]


@dataclass
class _Asked:
    """A request in the form that the signer reads."""

    method: str
    url: str
    headers: Mapping[str, str]
    params: None = None


class _Covering(SigV4Auth):  # type: ignore[misc] # botocore has no types
    """The signer, but for exactly the headers that the caller has signed: which ones it may leave
    out is a matter of its SDK.
    """

    covered: _Headers

    def headers_to_sign(self, request: _Asked) -> _Headers:
        return self.covered


class _CoveringS3(_Covering, S3SigV4Auth):  # type: ignore[misc] # botocore has no types
    pass


def _incomplete(what: str) -> AwsError:
    return AwsError("IncompleteSignature", f"the signature must have {what}", status=403)


def _chunk(text: str) -> AwsError:
    return AwsError("SignatureDoesNotMatch", f"x-amz-content-sha256 is chunked: {text}", status=403)
