"""HTTP requests and responses to plain Python and back, according to the service's model. Pure.

    find_operation(model, request)                  -> operation, URI labels
    read_params(model, operation, labels, request)  -> its parameters
    serialize(model, operation, output)             -> Response
    serialize_error(model, error)                   -> Response

Protocols: rest-json (App Mesh), JSON 1.1 (ECS, Cloud Map, Tealmesh), and CBOR if both the caller
and the service (Cloud Map) have it.

Parameters and outputs are JSON-like: structures are dicts by member name, blobs are bytes,
timestamps are seconds since the epoch. This module handles every operation of every model, so it
cannot know more of them than `dict[str, Any]`. Constraints (lengths, enums, …) are checked by
`validation`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote

from tealmesh.aws.wire import bodies
from tealmesh.aws.wire.apimodel import Model
from tealmesh.aws.wire.readers import reader, text_reader
from tealmesh.aws.wire.writers import cbor_writer, json_writer
from tealmesh.model.errors import AwsError


@dataclass(frozen=True)
class Request:
    """An HTTP request: path and query still percent-encoded, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes


_CBOR_PATH = re.compile(r"(?:/.*)?/service/([^/]+)/operation/([^/]+)")


def speaks_cbor(model: Model, request: Request) -> bool:
    """Whether the request is in CBOR, and its answer must be too."""
    return model.has_cbor and request.headers.get("smithy-protocol") == "rpc-v2-cbor"


def find_operation(model: Model, request: Request) -> tuple[str, dict[str, str]]:
    """The operation's name and the URI labels. Raises AwsError ``UnknownOperationException``."""
    if model.protocol == "rest-json":
        if route := model.route(request.method, request.path):
            return route
        asked = f"{request.method} {request.path[:200]}"
    elif speaks_cbor(model, request):
        match = _CBOR_PATH.fullmatch(request.path)
        if match and match[1] == model.target_prefix and match[2] in model.operation_names:
            return match[2], {}
        asked = f"{request.method} {request.path[:200]}"
    else:
        target = request.headers.get("x-amz-target", "")
        prefix, _, name = target.rpartition(".")
        if prefix == model.target_prefix and name in model.operation_names:
            return name, {}
        asked = f"the X-Amz-Target {target[:200]!r}" if target else "a request without X-Amz-Target"
    raise AwsError(
        "UnknownOperationException", f"{model.service} has no operation for {asked}", status=404
    )


def read_params(
    model: Model, operation: str, labels: Mapping[str, str], request: Request
) -> dict[str, Any]:
    """The parameters of ``operation``. Raises AwsError ``SerializationException``, which names
    the field.
    """
    shape = model.operation(operation).input_shape
    if shape is None:
        return {}
    params: dict[str, Any] = {}
    read_body, outside = _input_reader(model, operation)
    if read_body is not None:
        read = bodies.read_cbor if speaks_cbor(model, request) else bodies.read_json
        params = read_body(read(request.body), "")
    query = parse_qs(request.query, keep_blank_values=True) if request.query else {}
    for name, location, key, read_text in outside:
        texts: list[str] | None
        if location == "uri":
            texts = [_unquoted(labels[key], name)]
        elif location == "querystring":
            texts = query.get(key)
        else:
            texts = [request.headers[key.lower()]] if key.lower() in request.headers else None
        if texts:
            params[name] = read_text(texts, name)
    return params


def serialize(
    model: Model,
    operation: str,
    output: Mapping[str, Any],
    request_id: str = "",
    *,
    cbor: bool = False,
) -> Response:
    """The response to ``operation``.

    Only members of the model are written; anything else in a document stays private. Raises
    TypeError, naming the member, if ``output`` does not fit the model.
    """
    op = model.operation(operation)
    body: Any = {}
    if op.output_shape is not None:
        write = cbor_writer if cbor else json_writer
        body = write(op.output_shape)(output, "")
        # In rest-json the body is the payload member itself, not an object that contains it:
        # https://smithy.io/2.0/spec/http-bindings.html#httppayload-trait
        payload = op.output_shape.serialization.get("payload")
        if payload is not None and model.protocol == "rest-json":
            if payload not in body:
                raise TypeError(f"{operation} must return {payload!r}")
            body = body[payload]
    status = int(op.http.get("responseCode", 200))
    return _response(model, status, body, request_id, cbor)


def serialize_error(
    model: Model | None, error: AwsError, request_id: str = "", *, cbor: bool = False
) -> Response:
    """The response for an error, as botocore, the AWS CLI and the Go SDKs read it.

    For rest-json the Go SDK reads the code from the header only, botocore from either. The text is
    ``message`` or ``Message``, depending on the service's shape, so both are sent. Of a code that
    the model does not have, the Go SDK reads the text from a header too.
    """
    body: dict[str, Any] = {"__type": error.code, "message": error.message}
    status = error.status
    if model is not None:
        status = model.error_status(error.code, error.status)
        shape = model.error_shapes.get(error.code)
        if shape is not None:
            members = {k: v for k, v in error.members.items() if k in shape.members}
            write = cbor_writer if cbor else json_writer
            body |= write(shape)(members, "")
            body |= {k: error.message for k in shape.members if k.lower() == "message"}
        if cbor:
            # The Go SDK compares the whole shape id here, in JSON the bare name.
            body["__type"] = f"com.amazonaws.{model.service}#{error.code}"
    response = _response(model, status, body, request_id, cbor)
    response.headers["x-amzn-errortype"] = error.code
    response.headers["x-amzn-errormessage"] = _one_line(error.message)
    return response


def _one_line(text: str) -> str:
    """The text as the value of a header: one line of ASCII."""
    plain = " ".join(text.split()).encode("ascii", "replace").decode()
    return "".join(character for character in plain if character.isprintable())[:1000]


def _response(model: Model | None, status: int, body: Any, request_id: str, cbor: bool) -> Response:
    if cbor:
        headers = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
    else:
        headers = {"content-type": model.content_type if model else "application/json"}
    if request_id:
        headers["x-amzn-requestid"] = request_id
    return Response(status, headers, bodies.write_cbor(body) if cbor else bodies.write_json(body))


_Outside = tuple[str, str, str, Callable[[list[str], str], Any]]


@lru_cache(maxsize=1024)
def _input_reader(
    model: Model, operation: str
) -> tuple[Callable[[Any, str], Any] | None, tuple[_Outside, ...]]:
    """The reader of the body, and (member, location, key, reader) of each member outside of it."""
    shape = model.operation(operation).input_shape
    outside: list[_Outside] = []
    inside = 0
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        if model.protocol != "rest-json" or location is None:
            inside += 1
        elif location in ("uri", "querystring", "header"):
            key = member.serialization.get("name", name)
            outside.append((name, location, key, text_reader(member)))
        else:
            raise ValueError(f"{model.service} {operation}: {name} is at {location}: not supported")
    return (reader(shape) if inside else None), tuple(outside)


def _unquoted(text: str, name: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise AwsError("SerializationException", f"{text!r} at {name!r} is not percent-encoded")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise AwsError("SerializationException", f"{text!r} at {name!r} is not UTF-8") from error
