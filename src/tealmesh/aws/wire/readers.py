"""Readers of shapes: one closure per shape, from JSON or CBOR values to parameters. Pure.

A value of the wrong type is refused with ``SerializationException``, which names its path
(``spec.listeners.1.member.portMapping``).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from tealmesh.aws.wire.shapes import ShapeCache, child
from tealmesh.model.errors import AwsError

Reader = Callable[[Any, str], Any]

_INTEGERS = {"integer": 2**31, "long": 2**63}
_EARLIEST = datetime(1, 1, 2, tzinfo=UTC).timestamp()
_LATEST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
"""Every time between them is a date in every time zone."""


def _make_reader(shape: Any, remember: Callable[[Any], None]) -> Reader:
    kind = shape.type_name
    if kind == "structure":
        return _structure_reader(shape, remember)
    if kind == "list":
        read_item = reader(shape.member)

        def read_list(value: Any, path: str) -> Any:
            if not isinstance(value, list):
                raise _wrong(value, "List", path)
            return [
                None if item is None else read_item(item, f"{path}.{number}.member")
                for number, item in enumerate(value, 1)
            ]

        return read_list
    if kind == "map":
        read_key, read_value = reader(shape.key), reader(shape.value)

        def read_map(value: Any, path: str) -> Any:
            if not isinstance(value, dict):
                raise _wrong(value, "Map", path)
            return {
                read_key(key, path): None
                if item is None
                else read_value(item, f"{path}.{key}.member")
                for key, item in value.items()
            }

        return read_map
    return _SCALAR_READERS[kind]


def _structure_reader(shape: Any, remember: Callable[[Any], None]) -> Reader:
    if shape.is_document_type:  # any JSON at all
        return lambda value, path: value
    table: dict[str, tuple[str, Reader]] = {}

    def read_structure(value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise _wrong(value, "Structure", path)
        result = {}
        for key, item in value.items():
            # AWS ignores unknown members and treats null as absent.
            if item is not None and (entry := table.get(key)) is not None:
                name, read = entry
                result[name] = read(item, child(path, name))
        return result

    remember(read_structure)  # before its members: a shape may contain itself
    for name, member in shape.members.items():
        if member.serialization.get("location") is None:
            table[member.serialization.get("name", name)] = (name, reader(member))
    return read_structure


def _read_string(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong(value, "String", path)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise AwsError(
                "SerializationException", f"the text at {path!r} is not valid Unicode: {error}"
            ) from error
    return value


def _read_boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(value, "Boolean", path)
    return value


def _integer_reader(kind: str) -> Reader:
    limit = _INTEGERS[kind]

    def read_integer(value: Any, path: str) -> int:
        if not _is_number(value) or (isinstance(value, float) and not value.is_integer()):
            raise _wrong(value, kind.capitalize(), path)
        if not -limit <= value < limit:
            raise AwsError(
                "SerializationException",
                f"{int(value)} at {path!r} is out of range for {kind.capitalize()}",
            )
        return int(value)

    return read_integer


def _is_number(value: Any) -> bool:
    """Whether it is a number; ``true`` is not, nor 1e999, which Python reads as infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) < 10**300


def _read_float(value: Any, path: str) -> float:
    if not _is_number(value):
        raise _wrong(value, "Double", path)
    return float(value)


def _read_timestamp(value: Any, path: str) -> float:
    """Epoch seconds. As AWS does, text in ISO 8601 or RFC 822 is accepted too."""
    if isinstance(value, str):
        seconds = _time_from_text(value, path)
    elif _is_number(value):
        seconds = float(value)
    else:
        raise _wrong(value, "Timestamp", path)
    if not _EARLIEST <= seconds <= _LATEST:
        shown = repr(value[:40]) if isinstance(value, str) else f"{value:g}"
        text = f"{shown} at {path!r} is not a time of the years 1 to 9999"
        raise AwsError("SerializationException", text)
    return seconds


def _time_from_text(text: str, path: str) -> float:
    if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        return float(text)
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
        except ValueError:
            continue
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.timestamp()
    raise AwsError("SerializationException", f"{text!r} at {path!r} is not a time")


def _read_blob(value: Any, path: str) -> bytes:
    if isinstance(value, bytes):  # from CBOR
        return value
    if not isinstance(value, str):
        raise _wrong(value, "Blob", path)
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise AwsError("SerializationException", f"the blob at {path!r} is not base64") from error


_SCALAR_READERS: dict[str, Reader] = {
    "string": _read_string,
    "character": _read_string,
    "boolean": _read_boolean,
    "integer": _integer_reader("integer"),
    "long": _integer_reader("long"),
    "float": _read_float,
    "double": _read_float,
    "timestamp": _read_timestamp,
    "blob": _read_blob,
}


def text_reader(shape: Any) -> Callable[[list[str], str], Any]:
    """The reader of a member in the URI, the query string or a header."""
    if shape.type_name == "list":
        read_item = text_reader(shape.member)
        return lambda texts, path: [
            read_item([text], f"{path}.{number}.member") for number, text in enumerate(texts, 1)
        ]
    read = reader(shape)
    kind = shape.type_name

    def read_text(texts: list[str], path: str) -> Any:
        text = texts[0]
        if kind == "boolean" and text in ("true", "false"):
            return text == "true"
        if kind in _INTEGERS and re.fullmatch(r"-?[0-9]{1,20}", text):
            return read(int(text), path)
        if kind in ("float", "double"):
            try:
                return read(float(text), path)
            except ValueError as error:
                raise _wrong(text, "Double", path) from error
        return read(text, path)

    return read_text


def _wrong(value: Any, wanted: str, path: str) -> AwsError:
    """The error in AWS's words, without the value, which may be a secret."""
    names = {str: "STRING_VALUE", bool: "BOOLEAN_VALUE", list: "LIST_VALUE", dict: "MAP_VALUE"}
    names |= {int: "NUMBER_VALUE", float: "NUMBER_VALUE", bytes: "BLOB_VALUE"}
    kind = names.get(type(value), "VALUE")
    return AwsError("SerializationException", f"{kind} cannot be converted to {wanted} at {path!r}")


reader: Callable[[Any], Reader] = ShapeCache(_make_reader)
"""The reader of a botocore shape."""
