"""Which service a request is for, and which key it claims: from the SigV4 credential scope. Pure.

Only the signature's scope is read here, ``Credential=ACCESS_KEY/DATE/REGION/SERVICE/aws4_request``,
which names the service and the region. Who the caller is, `callers` finds out.

https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs

from tealmesh.aws.wire.apimodel import Model
from tealmesh.aws.wire.codec import Request
from tealmesh.model.arn import DEFAULT_ACCOUNT, DEFAULT_REGION
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import Caller, speaking

UNSIGNED = "unsigned"
"""Stands for the access key of an unsigned request."""

_AWS_HOST = re.compile(r"(?:data-)?(?P<service>[a-z0-9-]+)\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.")


@dataclass(frozen=True)
class Identity:
    """The service and the caller of a request."""

    service: str | None
    """None if the request does not tell."""

    caller: Caller

    access_key: str
    """The access key id that the request claims, verified or not; `UNSIGNED` for none."""


def identify(request: Request, models: Iterable[Model], request_id: str) -> Identity:
    """Read the credential scope; without one, recognise the service by target, host or path.

    The caller is the one who is `speaking`, and where nobody verifies that, whoever is claimed.
    Raises AwsError ``IncompleteSignatureException`` for a malformed scope.
    """
    access_key, region, service = UNSIGNED, DEFAULT_REGION, None
    if (credential := _credential(request)) is not None:
        parts = credential.rsplit("/", 4)  # an access key may hold a slash
        if len(parts) != 5 or parts[4] != "aws4_request" or not all(parts):
            raise AwsError(
                "IncompleteSignatureException",
                f"Credential must be ACCESS_KEY/DATE/REGION/SERVICE/aws4_request, not "
                f"{len(parts)} parts ending in {parts[-1][:40]!r}",
                status=403,
            )
        access_key, _, region, service = parts[:4]
        service = _by_signing_name(service.lower(), models)
    else:
        service, region = _unsigned(request, tuple(models))
    expected = request.headers.get("if-match", "").strip().strip('"')
    principal = speaking.get()
    actor = access_key if principal is None else principal.name
    caller = Caller(DEFAULT_ACCOUNT, region, actor, request_id, expected, principal)
    return Identity(service, caller, access_key)


def _credential(request: Request) -> str | None:
    authorization = request.headers.get("authorization", "")
    if authorization.startswith("AWS4-"):
        match = re.search(r"Credential=([^,\s]*)", authorization)
        return match.group(1) if match else ""
    if "X-Amz-Credential=" not in request.query:
        return None
    given = parse_qs(request.query, keep_blank_values=True).get("X-Amz-Credential")
    return given[0] if given else None


def _by_signing_name(name: str, models: Iterable[Model]) -> str:
    return next((model.service for model in models if model.signing_name == name), name)


def _unsigned(request: Request, models: tuple[Model, ...]) -> tuple[str | None, str]:
    host = request.headers.get("host", "")
    match = _AWS_HOST.match(host)
    region = match["region"] if match else DEFAULT_REGION
    target = request.headers.get("x-amz-target", "").rpartition(".")[0]
    for model in models:
        if target and target == model.target_prefix:
            return model.service, region
        if model.has_cbor and f"/service/{model.target_prefix}/" in request.path:
            return model.service, region
    for model in models:
        if match and match["service"] == model.endpoint_prefix:
            return model.service, region
        if model.path_prefix != "/" and request.path.startswith(model.path_prefix + "/"):
            return model.service, region
    if match:
        return match["service"], region
    if request.headers.get("authorization", "").startswith("AWS "):
        return "s3", region  # signature version 2, which only S3 still accepts
    if "AWSAccessKeyId=" in request.query and "Signature=" in request.query:
        return "s3", region
    return None, region
