"""What to answer when moto raises: the error that AWS would give, with a status that no SDK
retries.

For an unknown action or a parameter of the wrong type, moto raises whatever Python raises. With
status 500 the SDKs would repeat the request for minutes
(https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html), so a failure that is
not the caller's gets a 501: the same request would fail again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader
from botocore.model import ServiceModel

from tealmesh.aws.callers import shapes
from tealmesh.aws.wire import codec
from tealmesh.aws.wire.bodies import read_json
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.model.errors import AwsError

_NUMBERS = ("integer", "long")


MAX_UNPACKED_BYTES = 16 << 20
"""Of a body that is sent compressed; AWS's limits for what SDKs compress are below 10 MB."""


def check_body(request: Request, service: str | None) -> None:
    """Raise AwsError if a body that is declared as JSON is not: moto would treat it as empty. And
    if it is too large once it is unpacked, which moto would do at once.
    """
    body = request.body
    # S3 keeps objects as they are sent.
    if request.headers.get("content-encoding", "").strip().lower() == "gzip" and service != "s3":
        body = _unpacked(body)
    if _says_json(request):
        read_json(body)


def _unpacked(body: bytes) -> bytes:
    """A body without gzip, all of its members."""
    whole = bytearray()
    try:
        while body:
            unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            whole += unpacking.decompress(body, MAX_UNPACKED_BYTES + 1 - len(whole))
            if len(whole) > MAX_UNPACKED_BYTES:
                text = f"a request body may have {MAX_UNPACKED_BYTES} bytes, unpacked"
                raise AwsError("RequestEntityTooLargeException", text, status=413)
            if not unpacking.eof:
                raise zlib.error("the body ends too early")
            body = unpacking.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise AwsError("SerializationException", f"the body is not gzip: {error}") from error
    return bytes(whole)


def shaped(service: str | None, request: Request, error: AwsError, request_id: str) -> Response:
    """The error in the format of the service's protocol."""
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if form or service in ("s3", "route53", "cloudfront"):
        return shapes.xml(error, service, request_id)
    return codec.serialize_error(None, error, request_id)


def named(request: Request, response: Response) -> Response:
    """The response with the right media type: moto labels JSON as ``text/html``."""
    if not _says_json(request) or not response.headers.get("content-type", "").startswith("text/"):
        return response
    headers = dict(response.headers) | {"content-type": request.headers["content-type"]}
    return Response(response.status, headers, response.body)


def fault(service: str | None, request: Request, error: Exception) -> AwsError:
    """The error to answer for an exception in moto: about the action, a parameter, or moto."""
    model = _model(service or "")
    members = dict(_form(request))
    operation = members.pop("Action", "") or request.headers.get("x-amz-target", "")
    operation = operation.rpartition(".")[2]
    if model is not None and operation:
        if operation not in model.operation_names:
            code = "UnknownOperationException" if _says_json(request) else "InvalidAction"
            text = f"The action {operation[:200]} is not valid for this web service."
            return AwsError(code, text)
        for text in _wrong(model.operation_model(operation).input_shape, request, members):
            code = "SerializationException" if _says_json(request) else "InvalidParameterValue"
            return AwsError(code, text)
    text = f"moto failed: {type(error).__name__}: {error}"[:300]
    return AwsError("InternalFailure", f"{text}; the log has more", status=501)


def _wrong(shape: Any, request: Request, form: dict[str, str]) -> Iterator[str]:
    """What is wrong with the types of the request's members, one line each."""
    if shape is None:
        return
    sent = read_json(request.body) if _says_json(request) else form
    for name, member in shape.members.items():
        value = sent.get(name)
        if value is None:
            continue
        whole = isinstance(value, int) or str(value).lstrip("+-").isdecimal()
        if member.type_name in _NUMBERS and not whole:
            yield f"the value for {name} is invalid: it must be a whole number"
        if member.type_name == "boolean" and str(value).lower() not in ("true", "false"):
            yield f"the value for {name} is invalid: it must be true or false"
        if member.type_name == "string" and not isinstance(value, str):
            yield f"the value for {name} is invalid: it must be a string"


def _says_json(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/x-amz-json")


def _form(request: Request) -> list[tuple[str, str]]:
    """The members of a request in the query protocol, from the body or the query string."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return parse_qsl(request.query)
    return parse_qsl(request.query) + parse_qsl(request.body.decode("latin-1"))


@cache
def _model(service: str) -> ServiceModel | None:
    try:
        return ServiceModel(Loader().load_service_model(service, "service-2"), service)
    except (DataNotFoundError, ValueError):
        return None
