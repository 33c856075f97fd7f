"""The parts of a strategy table for requests beside the weights: ``preview``, ``mirror``, ``match``
and ``sticky``.
"""

from __future__ import annotations

import re

from tealmesh.model.config.beside import STICKY_COOKIE, Cohort, Mirror, Preview, Sticky
from tealmesh.model.config.table import Table

KEYS = ("preview", "mirror", "match", "sticky")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_NAME_ALLOWED = "a name of letters, digits, hyphens and underscores"
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?")
_COOKIE_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,200}")
"""https://www.rfc-editor.org/rfc/rfc6265#section-4.1.1"""
_METHOD = re.compile(r"[A-Z]{1,20}")
_TAKEN = frozenset(
    {
        "authorization",
        "baggage",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "te",
        "transfer-encoding",
        "upgrade",
        "x-request-id",
    }
)
"""Headers that applications and Envoys need: gateways remove the header of a preview."""


def read_preview(strategy: Table) -> Preview | None:
    """``preview``, which is on by default; None if it is false."""
    told = strategy.data.get("preview")
    if told is False:
        return None
    if told is True:
        return Preview()
    table = strategy.table("preview", ("header", "allow"))
    defaults = Preview()
    header = table.text("header", defaults.header, _NAME_ALLOWED, _NAME.fullmatch).lower()
    if header in _TAKEN:
        table.fail("header", "a header of its own: gateways remove it from all requests")
    return Preview(header, table.texts("allow"))


def read_mirror(strategy: Table) -> Mirror | None:
    """``mirror``; None if there is none."""
    table = strategy.table("mirror", ("percent", "time", "methods"))
    defaults = Mirror()
    percent = table.data.get("percent", defaults.percent)
    if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 < percent <= 100:
        table.fail("percent", "a number above 0, at most 100")
    methods = table.texts("methods")
    if "methods" in table.data and not (methods and all(map(_METHOD.fullmatch, methods))):
        table.fail("methods", 'HTTP methods in capitals, such as ["GET", "HEAD"]')
    time = table.seconds("time", defaults.time)
    if "mirror" not in strategy.data:
        return None
    return Mirror(float(percent), time, methods or defaults.methods)


def read_match(strategy: Table, kind: str) -> Cohort | None:
    """``match``, which type "ab" needs and no other has."""
    table = strategy.table("match", ("header", "cookie", "value"))
    header, cookie = _header_or_cookie(table)
    allowed = "1 to 200 printable ASCII characters"
    value = table.text("value", "", allowed, lambda text: not text or _VALUE.fullmatch(text))
    if "match" not in strategy.data:
        if kind == "ab":
            strategy.fail("match", 'set with type "ab": { header | cookie = NAME, value = VALUE }')
        return None
    if kind != "ab":
        strategy.fail("match", f'left out with type "{kind}"; it needs type = "ab"')
    _require_one(table, header, cookie)
    if not value:
        table.fail("value", allowed)
    if cookie and not _COOKIE_VALUE.fullmatch(value):
        table.fail("value", "a cookie's value: no spaces, quotes, commas, semicolons, backslashes")
    return Cohort(value, header, cookie)


def read_sticky(strategy: Table, kind: str) -> Sticky | None:
    """``sticky``, for strategies with steps; None if there is none."""
    table = strategy.table("sticky", ("header", "cookie", "ttl"))
    header, cookie = _header_or_cookie(table)
    ttl = table.seconds("ttl", Sticky().ttl)
    if "sticky" not in strategy.data:
        return None
    if kind in ("bluegreen", "ab"):
        strategy.fail("sticky", f'left out with type "{kind}": only steps divide users')
    _require_one(table, header, cookie)
    if header and "ttl" in table.data:
        table.fail("ttl", "left out with header; it is a cookie's")
    return Sticky(header, cookie, ttl)


def _header_or_cookie(table: Table) -> tuple[str, str]:
    def accept(text: str) -> object:
        return not text or _NAME.fullmatch(text)

    header = table.text("header", "", _NAME_ALLOWED, accept).lower()
    return header, table.text("cookie", "", f"{_NAME_ALLOWED}, such as {STICKY_COOKIE}", accept)


def _require_one(table: Table, header: str, cookie: str) -> None:
    if header and cookie:
        table.fail("cookie", "left out where header is set")
    if not header and not cookie:
        table.fail("header", f"{_NAME_ALLOWED}, or cookie must be set")
