"""The part of a teal.toml that names the parts of a service which are judged by themselves."""

from __future__ import annotations

import re

from tealmesh.model.config.table import Table
from tealmesh.model.traffic.parts import MOST_PARTS, Part

_KEYS = ("method", "prefix", "header", "value")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
"""A method or the name of a header: https://www.rfc-editor.org/rfc/rfc9110#name-tokens"""
_PREFIX = re.compile(r"/[^\s?#]*\Z")
_VALUE = re.compile(r"[^\x00-\x1f\x7f]+\Z")


def read_watch(table: Table) -> tuple[Part, ...]:
    """The list ``watch`` of a ``gates`` table; empty if there is none."""
    value = table.data.get("watch", ())
    allowed = (
        f'a list of at most {MOST_PARTS} different parts, such as {{ method = "POST" }}, '
        '{ prefix = "/pay" } or { header = "x-tenant", value = "acme" }'
    )
    if not isinstance(value, list | tuple) or len(value) > MOST_PARTS:
        table.fail("watch", allowed)
    parts = tuple(
        _part(Table(table.file, f"{table.path}.watch[{number}]", one, _KEYS))
        for number, one in enumerate(value)
    )
    if len({part.name for part in parts}) < len(parts):
        table.fail("watch", allowed)
    return parts


def _part(table: Table) -> Part:
    part = Part(
        method=_text(table, "method", "a method, such as POST", _TOKEN).upper(),
        prefix=_text(table, "prefix", "the beginning of a path, such as /pay", _PREFIX),
        header=_text(table, "header", "the name of a header", _TOKEN).lower(),
        value=_text(table, "value", "the whole value of the header", _VALUE),
    )
    if part.header and not part.value:
        table.fail("value", "the whole value of the header")
    if part.value and not part.header:
        table.fail("header", "the name of a header, as there is a value")
    if not part.name:
        table.fail("method", "there, or a prefix, or a header with its value")
    return part


def _text(table: Table, key: str, allowed: str, accepted: re.Pattern[str]) -> str:
    return table.text(key, None, allowed, accepted.match) if key in table.data else ""
