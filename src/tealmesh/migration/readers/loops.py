"""``Fn::ForEach`` of CloudFormation's templates: the members that a loop stands for. Pure.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tealmesh.migration.json import Json, list_of, name_of, object_of
from tealmesh.model.errors import TealError, TemplateUnknown

_LOOP = "Fn::ForEach::"
_MOST_ROUNDS = 10_000
"""Of all loops of a template; CloudFormation takes 500 resources."""

Evaluate = Callable[[Any], Any]
"""A value without functions. Raises TemplateUnknown."""

LeftOut = Callable[[str, TemplateUnknown], None]
"""Called with the name of a loop, and why it is not known what it stands for."""


def has_loops(members: Json) -> bool:
    """Whether one of the members is a loop."""
    return any(str(name).startswith(_LOOP) for name in members)


class Loops:
    """The loops of one template."""

    def __init__(self, evaluate: Evaluate) -> None:
        self._evaluate = evaluate
        self._rounds = itertools.count(1)

    def unrolled(self, members: Json, where: str, left_out: LeftOut) -> Json:
        """Members with those that loops stand for in their places, of loops within loops too.
        Raises TealError for what is no loop.
        """
        return dict(self._members(members, where, left_out)) if has_loops(members) else members

    def _members(self, members: Json, where: str, left_out: LeftOut) -> Iterator[tuple[str, Any]]:
        for name, one in members.items():
            if not str(name).startswith(_LOOP):
                yield name, one
                continue
            at = f"{where}: {name}"
            variable, values, body = _loop(one, at)
            try:
                found = self._evaluate(values)
            except TemplateUnknown as error:
                left_out(str(name), error)
                continue
            for value in _flat(list_of(found, f"{at}[1]")):
                if next(self._rounds) > _MOST_ROUNDS:
                    raise TealError(f"{at}: loops are read up to {_MOST_ROUNDS} rounds")
                inner = object_of(_put(body, variable, str(value)), f"{at}[2]")
                yield from self._members(inner, at, left_out)


def _loop(declared: Any, where: str) -> tuple[str, Any, Any]:
    parts = list_of(declared, where)
    if len(parts) != 3:
        raise TealError(f"{where} must be [NAME, VALUES, MEMBERS]")
    return name_of(parts[0]), parts[1], parts[2]


def _flat(values: Any) -> Iterator[Any]:
    """A parameter that is a list may be one of several values."""
    for one in values:
        if isinstance(one, list):
            yield from _flat(one)
        else:
            yield one


def _put(value: Any, name: str, text: str) -> Any:
    """``value`` with ``text`` in the place of a loop's variable."""
    if isinstance(value, list):
        return [_put(one, name, text) for one in value]
    if isinstance(value, str):
        plain = re.sub(r"[\W_]", "", text)
        return value.replace(f"${{{name}}}", text).replace(f"&{{{name}}}", plain)
    if not isinstance(value, Mapping):
        return value
    if value == {"Ref": name}:
        return text
    return {_put(key, name, text): _put(one, name, text) for key, one in value.items()}
