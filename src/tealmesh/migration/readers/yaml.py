"""JSON, JSON lines and YAML, with the short forms of CloudFormation's functions."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tealmesh.model.errors import TealError


def documents_of(text: str, origin: str) -> list[Any]:
    """The documents of a text. Raises TealError if it is neither JSON nor YAML."""
    try:
        return [json.loads(text)]
    except ValueError as error:
        if text.lstrip().startswith(("{", "[")):
            lines = _lines(text)
            if lines is None:
                raise TealError(f"{origin} is not JSON: {error}") from error
            return lines
    try:
        return [one for one in yaml.load_all(text, _Loader) if one is not None]
    except yaml.YAMLError as error:
        raise TealError(
            f"{origin} is neither JSON nor YAML: {' '.join(str(error).split())}"
        ) from error
    except RecursionError as error:
        raise TealError(f"{origin} is nested too deeply") from error


def _lines(text: str) -> list[Any] | None:
    """A document in each line, or several documents after one another; None if it is neither."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        try:
            document, at = decoder.raw_decode(text, at)
        except ValueError:
            return None
        found.append(document)
    return found


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # yaml has no types
    """Knows ``!Ref`` and its like, and takes dates for text."""


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _function)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", yaml.SafeLoader.construct_yaml_str)
