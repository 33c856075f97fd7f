"""Hypothesis strategies for values of botocore shapes: valid ones, and ones with one mistake."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

_PLAIN = string.ascii_letters + string.digits
_PATTERNED = {"NamespaceNamePublic": st.from_regex(r"[a-z]{1,9}\.[a-z]{2,5}", fullmatch=True)}
"""Shapes whose pattern requires more than letters and digits."""

MODEST = 3
"""At most so many elements of a list and optional members of a structure, unless the model requires
more."""


def values(shape: Any) -> st.SearchStrategy[Any]:
    """Values that satisfy every constraint of ``shape``."""
    kind = shape.type_name
    if kind == "structure":
        return st.just({"any": ["json", 1]}) if shape.is_document_type else _structures(shape)
    low = shape.metadata.get("min", 0)
    high = shape.metadata.get("max")
    most = max(low, min(high if high is not None else MODEST, MODEST))
    if kind == "list":
        return st.lists(values(shape.member), min_size=low, max_size=most)
    if kind == "map":
        return st.dictionaries(values(shape.key), values(shape.value), min_size=low, max_size=most)
    return _scalars(shape, low, high)


def _scalars(shape: Any, low: float, high: float | None) -> st.SearchStrategy[Any]:
    kind = shape.type_name
    if "enum" in shape.metadata:
        return st.sampled_from(shape.metadata["enum"])
    if shape.name in _PATTERNED:
        return _PATTERNED[shape.name]
    if kind == "string":
        size = max(int(low), min(high if high is not None else 12, 12))
        alphabet = _PLAIN if "pattern" in shape.metadata else st.characters(codec="utf-8")
        # A URI cannot carry an empty text, so the minimum is one where the model states none.
        return st.text(alphabet, min_size=max(int(low), 1), max_size=max(size, 1))
    if kind in ("integer", "long"):
        bits = 31 if kind == "integer" else 63
        floor = low if "min" in shape.metadata else -(2**bits)
        return st.integers(floor, high if high is not None else 2**bits - 1)
    if kind in ("float", "double"):
        return st.floats(low, high if high is not None else 1e9, allow_nan=False)
    if kind == "timestamp":
        return st.integers(0, 4_000_000_000)
    return {"boolean": st.booleans(), "blob": st.binary(max_size=12)}[kind]


@st.composite
def _structures(draw: Any, shape: Any) -> dict[str, Any]:
    if shape.metadata.get("union"):
        names = [draw(st.sampled_from(sorted(shape.members)))]
    else:
        required = list(shape.required_members)
        optional = sorted(set(shape.members) - set(required))
        some = (
            st.lists(st.sampled_from(optional), unique=True, max_size=MODEST) if optional else None
        )
        names = required + (draw(some) if some is not None else [])
    return {name: draw(values(shape.members[name])) for name in names}


@dataclass(frozen=True)
class Mistake:
    """One way to break a value: ``apply`` does it in place; the error must name the rest."""

    path: str
    constraint: str
    apply: Callable[[], None]


def mistakes(shape: Any, value: Any, path: str = "", put: Any = None) -> Iterator[Mistake]:
    """Every single mistake that can be made in ``value``, a valid value of ``shape``.

    ``put`` replaces the value in its container.
    """
    kind = shape.type_name
    if kind == "structure":
        yield from _in_structure(shape, value, path)
    elif kind == "list":
        if put is not None:
            yield from _in_length(shape, value, path, put, lambda n: value[:1] * n)
        for number, item in enumerate(value):
            yield from mistakes(
                shape.member,
                item,
                f"{path}.{number + 1}.member",
                lambda new, number=number: value.__setitem__(number, new),
            )
    elif kind == "map":
        for key, item in value.items():
            yield from mistakes(
                shape.value,
                item,
                f"{path}.{key}.member",
                lambda new, key=key: value.__setitem__(key, new),
            )
    elif put is not None:
        yield from _in_scalar(shape, value, path, put)


def _in_structure(shape: Any, value: Any, path: str) -> Iterator[Mistake]:
    prefix = f"{path}." if path else ""
    for name in shape.required_members:
        yield Mistake(prefix + name, "must not be null", lambda name=name: value.pop(name))
    if shape.metadata.get("union"):
        yield Mistake(path, "Exactly one member must be set", value.clear)
    for name, item in list(value.items()):
        yield from mistakes(
            shape.members[name],
            item,
            prefix + name,
            lambda new, name=name: value.__setitem__(name, new),
        )


def _in_length(
    shape: Any, value: Any, path: str, put: Any, repeat: Callable[[int], Any]
) -> Iterator[Mistake]:
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max")
    if low:
        yield Mistake(path, f"length greater than or equal to {low}", lambda: put(repeat(low - 1)))
    if high is not None and high <= 2000 and value:
        yield Mistake(path, f"length less than or equal to {high}", lambda: put(repeat(high + 1)))


def _in_scalar(shape: Any, value: Any, path: str, put: Any) -> Iterator[Mistake]:
    traits, kind = shape.metadata, shape.type_name
    if "enum" in traits:
        yield Mistake(path, "enum value set: [", lambda: put("NoSuchValue"))
    elif kind == "string":
        yield from _in_length(shape, value, path, put, lambda n: "a" * n)
        if "pattern" in traits:
            yield Mistake(path, "regular expression pattern: ", lambda: put("\n"))
    elif kind in ("integer", "long", "double"):
        if "min" in traits:
            low = traits["min"]
            yield Mistake(path, f"value greater than or equal to {low}", lambda: put(low - 1))
        if "max" in traits:
            high = traits["max"]
            yield Mistake(path, f"value less than or equal to {high}", lambda: put(high + 1))
