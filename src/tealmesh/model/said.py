"""Texts for people that know what they are made of, so that a page can say them in its language.

A `Said` is its English text, and is stored, compared and printed as such. Besides it has its
template and the values in it, which may be `Said` themselves. Whoever shows it in another language
looks the template up and fills it in anew; whoever does not know the template has the text.
`dashboard/src/text/said` has the Japanese of each template, and a test that none is missing: so
templates are constants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, TypeVar


class SaidBody(TypedDict):
    """A text and what it is made of, as it is stored and sent."""

    text: str
    """In English."""
    template: NotRequired[str]
    """With names in braces; absent for a name, a number or what others wrote."""
    values: NotRequired[Mapping[str, SaidBody]]
    """By the names in the template."""


Value = str | int | float
T = TypeVar("T")


class Said(str):
    """A text for people, and what it is made of. Made by `say`."""

    template: str
    values: Mapping[str, Value]

    def __new__(cls, template: str, values: Mapping[str, Value]) -> Said:
        made = super().__new__(cls, template.format_map(values))
        made.template, made.values = template, values
        return made

    def __getnewargs__(self) -> Any:  # It is what object's protocol wants, of any types.
        return self.template, self.values

    def __add__(self, more: str) -> str:
        return listed([self, more], "") if more else self

    def __radd__(self, before: str) -> str:
        return listed([before, self], "") if before else self

    def __deepcopy__(self, memo: object) -> Said:
        return self


def say(template: str, /, **values: Value) -> str:
    """The text of a template, whose names in braces stand for the values."""
    return Said(template, values)


def listed(parts: Sequence[str], between: str = ", ") -> str:
    """The texts one after another, such as ``"; "`` or ``" and "`` between them."""
    if len(parts) < 2:
        return parts[0] if parts else ""
    names = [f"{{_{index}}}" for index in range(len(parts))]
    return Said(between.join(names), {f"_{i}": part for i, part in enumerate(parts)})


def counted(number: int, noun: str) -> str:
    """A number with its noun, which gets an s in the plural. Thousands are set apart."""
    return Said("{n} " + (noun if number == 1 else f"{noun}s"), {"n": f"{number:,}"})


def body(text: Value) -> SaidBody:
    """What a text is made of, to be stored or sent."""
    told: SaidBody = {"text": str(text)}
    if isinstance(text, Said):
        told["template"] = text.template
        if text.values:
            told["values"] = {name: body(value) for name, value in text.values.items()}
    return told


def read(told: SaidBody) -> str:
    """The text that `body` was made of. What does not come to that text by its template is only
    text: templates are written by other versions, too.
    """
    text, template = told["text"], told.get("template")
    if template is None:
        return str.__str__(text)
    values = {name: read(value) for name, value in told.get("values", {}).items()}
    try:
        made = Said(template, values)
    except (KeyError, IndexError, ValueError, AttributeError):
        return text
    return made if made == text else text


def members(record: Mapping[str, object], *names: str) -> dict[str, SaidBody]:
    """What these members are made of, by name: of those whose makings are known."""
    found = ((name, record.get(name)) for name in names)
    return {name: body(text) for name, text in found if isinstance(text, Said)}


def collected(record: object) -> dict[str, SaidBody]:
    """What every text in a record of JSON is made of, by the text: of those whose makings are
    known.
    """
    found: dict[str, SaidBody] = {}
    _collect(record, found)
    return found


def _collect(record: object, found: dict[str, SaidBody]) -> None:
    if isinstance(record, Said):
        found[str.__str__(record)] = body(record)
    elif isinstance(record, dict):
        for part in record.values():
            _collect(part, found)
    elif isinstance(record, (list, tuple)):
        for part in record:
            _collect(part, found)


def restored(record: T, known: Mapping[str, SaidBody]) -> T:
    """The record with its texts as `collected` found them."""
    return (
        _restored(record, {text: read(told) for text, told in known.items()}) if known else record
    )


def _restored(record: Any, known: Mapping[str, str]) -> Any:  # Any JSON, in and out.
    if isinstance(record, str):
        return known.get(record, record)
    if isinstance(record, dict):
        return {name: _restored(part, known) for name, part in record.items()}
    if isinstance(record, (list, tuple)):
        return [_restored(part, known) for part in record]
    return record
