"""The query protocol: form bodies to parameters, outputs to XML, by the service's model. Pure.

    find_operation(model, request)            -> operation; None if it is not this model's
    read_params(model, operation, request)    -> its parameters
    serialize(model, operation, output)       -> Response
    serialize_error(error)                    -> Response

https://smithy.io/2.0/aws/protocols/aws-query-protocol.html, without flattened lists, renamed
members and blobs, of which Elastic Load Balancing has none.
Parameters and outputs are as in `codec`, which says why they are Any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from tealmesh.aws.wire.apimodel import Model
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.aws.wire.readers import text_reader
from tealmesh.aws.wire.shapes import child
from tealmesh.model.errors import AwsError

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""https://www.w3.org/TR/xml/#charsets"""

_DEPTH = 12
"""Nested members in a request; no shape of ours nests half as deep."""

_Tree = dict[str, "str | _Tree"]
"""Members by name, list members by index: ``A.member.1=x`` is ``{"A": {"member": {"1": "x"}}}``."""


def find_operation(model: Model, request: Request) -> str | None:
    """The operation, if the request names one of this model in this model's version."""
    fields = _fields(request)
    name = fields.get("Action", "")
    # Classic load balancers have the same signing name and another version.
    if fields.get("Version") != model.api_version or name not in model.operation_names:
        return None
    return name


def read_params(model: Model, operation: str, request: Request) -> dict[str, Any]:
    """The parameters of ``operation``. Raises AwsError ``MalformedInput``, which names the
    member.
    """
    shape = model.operation(operation).input_shape
    if shape is None:
        return {}
    tree: _Tree = {}
    for key, text in _fields(request).items():
        *parents, last = key.split(".", _DEPTH)
        node = tree
        for part in parents:
            inner = node.setdefault(part, {})
            if isinstance(inner, str):
                inner = node[part] = {}
            node = inner
        if not isinstance(node.get(last), dict):
            node[last] = text
    try:
        params: dict[str, Any] = _read(shape, tree, "")
    except AwsError as error:
        raise AwsError("MalformedInput", error.message) from error
    return params


def serialize(
    model: Model, operation: str, output: Mapping[str, Any], request_id: str = ""
) -> Response:
    """The response to ``operation``, with the members of the model alone."""
    shape = model.operation(operation).output_shape
    inner = ""
    if shape is not None:
        wrapper = shape.serialization.get("resultWrapper", f"{operation}Result")
        inner = f"<{wrapper}>{_written(shape, output)}</{wrapper}>"
    metadata = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    name = f"{operation}Response"
    return _response(200, f'<{name} xmlns="{model.xml_namespace}">{inner}{metadata}</{name}>')


def serialize_error(error: AwsError, request_id: str = "", model: Model | None = None) -> Response:
    """The response for an error.

    https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#operation-error-serialization
    """
    status = model.error_status(error.code, error.status) if model else error.status
    kind = "Sender" if status < 500 else "Receiver"
    fields = f"<Code>{_text(error.code)}</Code><Message>{_text(error.message)}</Message>"
    inner = f"<Error><Type>{kind}</Type>{fields}</Error><RequestId>{request_id}</RequestId>"
    return _response(status, f"<ErrorResponse>{inner}</ErrorResponse>")


def _response(status: int, xml: str) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?>{xml}'.encode()
    return Response(status, {"content-type": "text/xml"}, body)


def _fields(request: Request) -> dict[str, str]:
    """The members as sent: in the query string, in a form, or in both."""
    fields = dict(parse_qsl(request.query, keep_blank_values=True))
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/x-www-form-urlencoded"):
        fields |= parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return fields


def _read(shape: Any, node: str | _Tree, path: str) -> Any:
    if shape.type_name == "structure":
        members = {} if isinstance(node, str) else node
        return {
            name: _read(member, members[name], child(path, name))
            for name, member in shape.members.items()
            if name in members
        }
    if shape.type_name == "list":
        return [
            _read(shape.member, item, f"{path}.{number}.member")
            for number, item in enumerate(_items(node, "member"), 1)
        ]
    if shape.type_name == "map":
        pairs = [pair for pair in _items(node, "entry") if not isinstance(pair, str)]
        return {
            _read(shape.key, pair.get("key", ""), path): _read(
                shape.value, pair.get("value", ""), f"{path}.{pair.get('key')}.member"
            )
            for pair in pairs
        }
    if not isinstance(node, str):
        raise AwsError("MalformedInput", f"{path!r} must be one value")
    return text_reader(shape)([node], path)


def _items(node: str | _Tree, name: str) -> list[str | _Tree]:
    """The items of a list in the order of their numbers; an empty list is sent as empty text."""
    inner = {} if isinstance(node, str) else node.get(name, {})
    if isinstance(inner, str):
        return []
    numbered = [(int(number), item) for number, item in inner.items() if number.isdecimal()]
    return [item for _, item in sorted(numbered, key=lambda pair: pair[0])]


def _written(shape: Any, value: Any) -> str:
    """The XML inside the element of a value."""
    kind = shape.type_name
    if kind == "structure":
        return "".join(
            f"<{name}>{_written(member, value[name])}</{name}>"
            for name, member in shape.members.items()
            if value.get(name) is not None
        )
    if kind == "list":
        return "".join(f"<member>{_written(shape.member, item)}</member>" for item in value)
    if kind == "map":
        pairs = ((_written(shape.key, k), _written(shape.value, v)) for k, v in value.items())
        return "".join(f"<entry><key>{k}</key><value>{v}</value></entry>" for k, v in pairs)
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "timestamp":
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="milliseconds")
    return _text(str(value))


def _text(text: str) -> str:
    # A bare carriage return would be read as a line feed.
    return escape(_NOT_XML.sub("\ufffd", text), {"\r": "&#13;"})
