"""JSON, JSON lines and YAML, with the short forms of CloudFormation's functions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tealmesh.migration.readers.texts import hint
from tealmesh.model.errors import TealError

MOST_VALUES = 2_000_000
"""In one YAML text, with what an alias stands for counted each time: a few lines of aliases can
mean more values than any machine has memory for."""


def documents_of(text: str, origin: str) -> list[Any]:
    """The documents of a text. Raises TealError if it is neither JSON nor YAML, or says a thing
    twice.
    """
    try:
        documents = _json(text, origin)
        return _yaml(text, origin) if documents is None else documents
    except RecursionError as error:
        raise TealError(f"{origin} is nested too deeply") from error


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Raises KeyError for a name that it has twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise KeyError(next(name for name in names if names.count(name) > 1))
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)


def _json(text: str, origin: str) -> list[Any] | None:
    """Documents of JSON after one another; None if the text does not begin as one."""
    at = _after_blanks(text, 0)
    if not text.startswith(("{", "["), at):
        return None
    found: list[Any] = []
    while at < len(text):
        try:
            document, at = _DECODER.raw_decode(text, at)
        except KeyError as error:  # of `_pairs`
            said = f"{origin}{_place(text)} has {error.args[0]} twice in one object"
            raise TealError(said) from error
        except ValueError as error:
            raise TealError(f"{origin} is not JSON: {error}{hint(text)}") from error
        found.append(document)
        at = _after_blanks(text, at)
    if "\\u" in text:
        _refuse_halves(found, origin)
    return found


def _after_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _refuse_halves(documents: list[Any], origin: str) -> None:
    """JSON can spell half a character, which is no text."""
    try:
        json.dumps(documents, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise TealError(f"{origin} has \\u escapes that are half a character") from error


def _place(text: str) -> str:
    """Where a name is there twice: JSON is YAML too, whose parser knows lines."""
    try:
        for node in yaml.compose_all(text, _Loader):
            del node
    except yaml.YAMLError as error:
        return _line(error)
    return ""


def _line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}," if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    """What is wrong, without the text around it."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())
    return " ".join(part for part in (error.context, error.problem) if part)


def _yaml(text: str, origin: str) -> list[Any]:
    try:
        documents = [one for one in yaml.load_all(text, _Loader) if one is not None]
    except yaml.YAMLError as error:
        said = f"{origin}{_line(error)} is neither JSON nor YAML: {_problem(error)}"
        raise TealError(f"{said}{hint(text)}") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # A tag that asks for another type than its text has, such as `!!int x`.
        raise TealError(f"{origin} is not YAML: {error}") from error
    left = MOST_VALUES
    for document in documents:
        for _ in _values(document):
            left -= 1
            if left < 0:
                raise TealError(f"{origin} has more than {MOST_VALUES} values, by its aliases")
    return documents


def _values(document: Any) -> Iterator[Any]:
    open_ = [document]
    while open_:
        value = open_.pop()
        yield value
        if isinstance(value, Mapping):
            open_ += value.values()
        elif isinstance(value, list):
            open_ += value


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # yaml has no types
    """Knows ``!Ref`` and its like, takes dates for text, and no name twice in a mapping."""

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, Any]] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if (key.tag, key.value) in seen:
                said = f"{key.value} is there twice in one object"
                raise yaml.constructor.ConstructorError(None, None, said, key.start_mark)
            seen.add((key.tag, key.value))
        return node


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _function)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", yaml.SafeLoader.construct_yaml_str)
