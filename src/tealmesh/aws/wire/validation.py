"""Checks every constraint of a model: required members, lengths, values, enums, patterns, unions.
Pure.

On the client, botocore checks types, required members and minima only, and other SDKs less. All
failures are reported in one message, in AWS's words::

    1 validation error detected: Value 'tpc' at 'spec.listeners.1.member.portMapping.protocol'
    failed to satisfy constraint: Member must satisfy enum value set: [http, tcp, http2, grpc]

Constraint traits: https://smithy.io/2.0/spec/constraint-traits.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import regex

from tealmesh.aws.wire.apimodel import Model
from tealmesh.aws.wire.shapes import child
from tealmesh.model.errors import AwsError

Checker = Callable[[Any, str, list[str]], None]

_MAX_FAILURES = 20
"""The failures spelled out in one message; further ones are counted."""

_MISSING = "Member must not be null"

_SURROGATES = (r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
"""Java's spelling of all characters above U+FFFF, and Python's."""


def validate(model: Model, operation: str, params: Mapping[str, Any]) -> None:
    """Check ``params``, as `codec.read_params` returns them, against the model.

    Raises AwsError with the service's own code (``BadRequestException`` in App Mesh,
    ``InvalidParameterException`` in ECS, ``InvalidInput`` in Cloud Map).
    """
    shape = model.operation(operation).input_shape
    check = _checker(shape, _cache_of(model)) if shape is not None else None
    failures: list[str] = []
    if check is not None:
        check(params, "", failures)
    if failures:
        count = len(failures)
        shown = "; ".join(failures[:_MAX_FAILURES])
        more = f"; and {count - _MAX_FAILURES} more" if count > _MAX_FAILURES else ""
        errors = "error" if count == 1 else "errors"
        raise AwsError(
            model.validation_code, f"{count} validation {errors} detected: {shown}{more}"
        )


_Made = dict[str, Checker | None]
_CACHES: dict[Model, _Made] = {}


def _cache_of(model: Model) -> _Made:
    return _CACHES.setdefault(model, {})


def _checker(shape: Any, made: _Made) -> Checker | None:
    """The check of a shape, or None if it has no constraints."""
    if shape.name not in made:
        maker = {"structure": _structure, "list": _list, "map": _map}.get(shape.type_name, _scalar)
        made[shape.name] = maker(shape, made)
    return made[shape.name]


def _structure(shape: Any, made: _Made) -> Checker:
    required = tuple(shape.required_members)
    names = ", ".join(shape.members)
    union = bool(shape.metadata.get("union"))
    members: dict[str, Checker] = {}

    def check(value: Any, path: str, failures: list[str]) -> None:
        for name in required:
            if value.get(name) is None:
                failures.append(_failure("null", child(path, name), _MISSING))
        if union and len(value) != 1:
            given = f"'{{{', '.join(value)}}}'"
            failures.append(_failure(given, path, f"Exactly one member must be set: [{names}]"))
        for name, item in value.items():
            if item is not None and (check_member := members.get(name)) is not None:
                check_member(item, child(path, name), failures)

    made[shape.name] = check  # before its members: a shape may contain itself
    for name, member in shape.members.items():
        if (check_member := _checker(member, made)) is not None:
            members[name] = check_member
    return check


def _list(shape: Any, made: _Made) -> Checker:
    limits = _limits(shape, "length")
    check_item = _checker(shape.member, made)

    def check(value: Any, path: str, failures: list[str]) -> None:
        _check_limits(len(value), limits, lambda: f"'[{_count(value)}]'", path, failures)
        for number, item in enumerate(value, 1):
            if item is None:
                failures.append(_failure("null", f"{path}.{number}.member", _MISSING))
            elif check_item is not None:
                check_item(item, f"{path}.{number}.member", failures)

    return check


def _map(shape: Any, made: _Made) -> Checker:
    limits = _limits(shape, "length")
    check_key, check_value = _checker(shape.key, made), _checker(shape.value, made)

    def check(value: Any, path: str, failures: list[str]) -> None:
        _check_limits(len(value), limits, lambda: f"'{{{_count(value)}}}'", path, failures)
        for key, item in value.items():
            if check_key is not None:
                check_key(key, f"{path} (map key)", failures)
            if item is None:
                failures.append(_failure("null", f"{path}.{key}.member", _MISSING))
            elif check_value is not None:
                check_value(item, f"{path}.{key}.member", failures)

    return check


def _scalar(shape: Any, made: _Made) -> Checker | None:
    measured = shape.type_name in ("string", "blob")
    limits = _limits(shape, "length" if measured else "value")
    enum = tuple(shape.metadata.get("enum", ()))
    allowed = frozenset(enum)
    text = shape.metadata.get("pattern")
    pattern = regex.compile(text.replace(*_SURROGATES)) if text else None
    longest = shape.metadata.get("max", 1 << 16) if measured else 0
    secret = bool(shape.metadata.get("sensitive"))
    if not (limits or enum or pattern):
        return None

    def check(value: Any, path: str, failures: list[str]) -> None:
        def shown() -> str:
            return "'***'" if secret else _quoted(value)

        _check_limits(len(value) if measured else value, limits, shown, path, failures)
        if enum and value not in allowed:
            constraint = f"Member must satisfy enum value set: [{', '.join(enum)}]"
            failures.append(_failure(shown(), path, constraint))
        # AWS matches the whole text (Java's `matches`). Text that is too long has failed already,
        # and a hostile megabyte must not reach a pattern.
        if pattern is not None and len(value) <= longest and not pattern.fullmatch(value):
            constraint = f"Member must satisfy regular expression pattern: {text}"
            failures.append(_failure(shown(), path, constraint))

    return check


_Limit = tuple[bool, float, str]


def _limits(shape: Any, word: str) -> tuple[_Limit, ...]:
    """(whether it is a minimum, bound, constraint in words) of a shape."""
    result: list[_Limit] = []
    for key, relation in (("min", "greater"), ("max", "less")):
        if (bound := shape.metadata.get(key)) is not None:
            text = f"Member must have {word} {relation} than or equal to {bound}"
            result.append((key == "min", bound, text))
    return tuple(result)


def _check_limits(
    size: float,
    limits: tuple[_Limit, ...],
    shown: Callable[[], str],
    path: str,
    failures: list[str],
) -> None:
    for is_minimum, bound, constraint in limits:
        if size < bound if is_minimum else size > bound:
            failures.append(_failure(shown(), path, constraint))


def _failure(value: str, path: str, constraint: str) -> str:
    return f"Value {value} at '{path}' failed to satisfy constraint: {constraint}"


def _quoted(value: Any) -> str:
    text = str(value)
    return f"'{text}'" if len(text) <= 200 else f"'{text[:200]}…'"


def _count(value: Any) -> str:
    # Only the number: the members (of a container's environment) may be secrets.
    return f"{len(value)} elements" if len(value) != 1 else "1 element"
