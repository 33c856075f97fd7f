"""Writers of shapes: one closure per shape, from outputs to JSON or CBOR values. Pure.

Only members of the model are written, and None counts as absent. A wrong type is a bug of ours: it
raises TypeError, naming the path of the value.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from tealmesh.aws.wire.bodies import epoch_tag
from tealmesh.aws.wire.shapes import ShapeCache, child

Writer = Callable[[Any, str], Any]
Encoder = Callable[[Any], Any]


class _Writers:
    """The writers of one format, which decides how times and blobs are encoded."""

    def __init__(self, timestamp: Encoder, blob: Encoder) -> None:
        self._encoders = {"timestamp": timestamp, "blob": blob}
        self._cache = ShapeCache(self._make)

    def __call__(self, shape: Any) -> Writer:
        writer: Writer = self._cache(shape)
        return writer

    def _make(self, shape: Any, remember: Callable[[Writer], None]) -> Writer:
        kind = shape.type_name
        if kind == "structure":
            return self._structure(shape, remember)
        if kind == "list":
            return _list(shape, self(shape.member))
        if kind == "map":
            return _map(shape, self(shape.value))
        return _scalar(shape, self._encoders.get(kind))

    def _structure(self, shape: Any, remember: Callable[[Writer], None]) -> Writer:
        if shape.is_document_type:  # any JSON at all
            return lambda value, path: value
        table: list[tuple[str, str, Writer]] = []

        def write_structure(value: Any, path: str) -> Any:
            _expect(value, (Mapping,), shape, path)
            return {
                key: write(item, child(path, name))
                for name, key, write in table
                if (item := value.get(name)) is not None
            }

        remember(write_structure)
        for name, member in shape.members.items():
            table.append((name, member.serialization.get("name", name), self(member)))
        return write_structure


def _list(shape: Any, write_item: Writer) -> Writer:
    def write_list(value: Any, path: str) -> Any:
        _expect(value, (list, tuple), shape, path)
        return [write_item(item, f"{path}.{n}.member") for n, item in enumerate(value, 1)]

    return write_list


def _map(shape: Any, write_value: Writer) -> Writer:
    def write_map(value: Any, path: str) -> Any:
        _expect(value, (Mapping,), shape, path)
        return {
            key: write_value(item, f"{path}.{key}.member")
            for key, item in value.items()
            if item is not None
        }

    return write_map


def _scalar(shape: Any, encode: Encoder | None) -> Writer:
    kind = shape.type_name
    types: tuple[type, ...] = {
        "boolean": (bool,),
        "integer": (int,),
        "long": (int,),
        "float": (int, float),
        "double": (int, float),
        "timestamp": (int, float),
        "blob": (bytes,),
    }.get(kind, (str,))

    def write_scalar(value: Any, path: str) -> Any:
        _expect(value, types, shape, path)
        if isinstance(value, bool) and bool not in types:
            raise TypeError(f"{path} is {value!r}: the model says {kind}")
        return value if encode is None else encode(value)

    return write_scalar


def _expect(value: Any, types: tuple[type, ...], shape: Any, path: str) -> None:
    if not isinstance(value, types):
        raise TypeError(
            f"{path or shape.name} is a {type(value).__name__}: the model says {shape.type_name}"
        )


def _epoch_seconds(value: float) -> float:
    """A number, never text: the Go SDK retries a response whose time it cannot read."""
    return int(value) if value == int(value) else round(value, 3)


json_writer = _Writers(_epoch_seconds, lambda value: base64.b64encode(value).decode())
"""The writer of a botocore shape for JSON."""

cbor_writer = _Writers(lambda value: epoch_tag(_epoch_seconds(value)), lambda value: value)
"""The writer of a botocore shape for CBOR."""
