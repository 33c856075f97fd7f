"""Request and response bodies: bytes to plain values and back, in JSON and CBOR. Pure.

What a body contains is known only once its shape has been read: hence Any.

CBOR is Smithy's RPC v2 protocol. Cloud Map has had it since November 2026, and SDKs released since
then prefer it to JSON: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

import json
from typing import Any

import cbor2

from tealmesh.model.errors import AwsError

_MAX_DEPTH = 64
"""Nested containers in CBOR; no shape of ours nests half as deep."""

_MOST_DIGITS = 400
"""Of a whole number; none of our shapes has more than 19."""

_EPOCH_TAG = 1


def read_json(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``; an empty body is an empty object. Raises AwsError."""
    try:
        return (
            _object(json.loads(body, parse_constant=_refuse_constant, parse_int=_integer))
            if body
            else {}
        )
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise AwsError("SerializationException", f"the request body is not JSON: {why}") from error


def write_json(value: Any) -> bytes:
    """``value`` in compact JSON."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def read_cbor(body: bytes) -> dict[str, Any]:
    """The CBOR map in ``body``; an empty body is an empty map. Raises AwsError.

    Times become epoch seconds. References between values are refused: the protocol does not use
    them, and with them a small body could expand to an enormous value.
    """
    decoders = {_EPOCH_TAG: lambda decoder: decoder.decode()}
    decoders |= dict.fromkeys((25, 28, 29, 256), _refuse_reference)
    try:
        value = cbor2.loads(body, semantic_decoders=decoders, max_depth=_MAX_DEPTH) if body else {}
    except (cbor2.CBORError, ValueError) as error:
        raise AwsError(
            "SerializationException", f"the request body is not CBOR: {error}"
        ) from error
    return _object(value)


def write_cbor(value: Any) -> bytes:
    """``value`` in CBOR."""
    return cbor2.dumps(value)


def epoch_tag(seconds: float) -> Any:
    """A time in CBOR."""
    return cbor2.CBORTag(_EPOCH_TAG, seconds)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise AwsError("SerializationException", "the request body must be an object of members")
    return value


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _refuse_reference(decoder: Any) -> Any:
    raise ValueError("references between values are not allowed")
