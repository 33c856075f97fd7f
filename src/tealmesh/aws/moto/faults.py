"""What to answer when moto raises: the error that AWS would give, with a status that no SDK
retries.

For an unknown action or a parameter of the wrong type, moto raises whatever Python raises. With
status 500 the SDKs would repeat the request for minutes
(https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html), so a failure that is
not the caller's gets a 501: the same request would fail again.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader
from botocore.model import ServiceModel

from tealmesh.aws.wire.bodies import read_json
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.model.errors import AwsError

_NUMBERS = ("integer", "long")


def check_body(request: Request) -> None:
    """Raise AwsError if a body that is declared as JSON is not: moto would treat it as empty."""
    if _says_json(request):
        read_json(request.body)


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
            yield f"the value for {name} is invalid: it must be a text"


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
