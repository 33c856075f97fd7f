"""X-Ray's filter expressions, as far as what is kept can answer them. Pure.

https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tealmesh.traces.tree import Summary

Matches = Callable[[Summary], bool]

_WORD = re.compile(
    r"\s*(?:(?P<text>\"(?:[^\"\\]|\\.)*\")|(?P<name>[A-Za-z][\w.]*)|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<sign><=|>=|!=|[<>=!(),]))"
)
_LONGEST = 2000
_DEEPEST = 50
_NUMBERS: dict[str, Callable[[Summary], float]] = {
    "duration": lambda one: one.seconds,
    "responsetime": lambda one: one.response_seconds,
    "http.status": lambda one: one.status,
}
_TEXTS: dict[str, Callable[[Summary], str]] = {
    "http.url": lambda one: one.url,
    "http.method": lambda one: one.method,
}
_FLAGS: dict[str, Matches] = {
    "ok": lambda one: not one.failed,
    "error": lambda one: one.error,
    "fault": lambda one: one.fault,
    "throttle": lambda one: one.throttle,
    "partial": lambda one: one.in_progress,
}
_OF_NUMBERS: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_OF_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "contains": lambda a, b: b in a,
    "beginswith": lambda a, b: a.startswith(b),
    "endswith": lambda a, b: a.endswith(b),
}
_KNOWN = ", ".join([*_FLAGS, *_NUMBERS, *_TEXTS, 'service("NAME")'])


def parse(text: str) -> Matches:
    """What the expression says of a trace. Raises ValueError, which names what is not understood
    and what is.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"a filter expression may have {_LONGEST} characters")
    reader = _Reader(_words(text))
    found = reader.alternatives(0)
    if reader.at < len(reader.words):
        raise ValueError(f"{reader.words[reader.at]!r} is not expected there")
    return found


def _words(text: str) -> list[str]:
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _WORD.match(text, at)
        if match is None:
            raise ValueError(f"{text[at : at + 40]!r} is not understood; there are {_KNOWN}")
        found.append(match[0].strip())
        at = match.end()
    return found


@dataclass
class _Reader:
    words: list[str]
    at: int = 0

    def _next(self) -> str:
        word = self.words[self.at] if self.at < len(self.words) else ""
        self.at += 1
        return word

    def _peek(self) -> str:
        return self.words[self.at].lower() if self.at < len(self.words) else ""

    def alternatives(self, depth: int) -> Matches:
        if depth > _DEEPEST:
            raise ValueError(f"a filter expression may be {_DEEPEST} deep")
        every = [self._all(depth)]
        while self._peek() == "or":
            self.at += 1
            every.append(self._all(depth))
        return lambda one: any(matches(one) for matches in every)

    def _all(self, depth: int) -> Matches:
        every = [self._one(depth)]
        while self._peek() == "and":
            self.at += 1
            every.append(self._one(depth))
        return lambda one: all(matches(one) for matches in every)

    def _one(self, depth: int) -> Matches:
        word = self._next()
        name = word.lower()
        if word == "!":
            inner = self._nested(depth)
            return lambda one: not inner(one)
        if word == "(":
            inner = self.alternatives(depth + 1)
            self._expect(")")
            return inner
        if name in _FLAGS:
            return self._flag(_FLAGS[name])
        if name in _NUMBERS:
            return self._compared(name, _NUMBERS[name])
        if name in _TEXTS:
            return self._said(name, _TEXTS[name])
        if name == "service":
            return self._service()
        raise ValueError(f"{word or 'the end'!r} is not understood; there are {_KNOWN}")

    def _nested(self, depth: int) -> Matches:
        if depth >= _DEEPEST:
            raise ValueError(f"a filter expression may be {_DEEPEST} deep")
        return self._one(depth + 1)

    def _flag(self, flag: Matches) -> Matches:
        if self._peek() not in ("=", "!="):
            return flag
        sign, given = self._next(), self._next().lower()
        if given not in ("true", "false"):
            raise ValueError(f"{given!r}: must be true or false")
        wanted = (given == "true") == (sign == "=")
        return lambda one: flag(one) == wanted

    def _compared(self, name: str, value: Callable[[Summary], float]) -> Matches:
        sign, given = self._next(), self._next()
        if sign not in _OF_NUMBERS or not re.fullmatch(r"\d+(\.\d+)?", given):
            raise ValueError(f"{name} {sign} {given}: must be compared with a number")
        compare, number = _OF_NUMBERS[sign], float(given)
        return lambda one: compare(value(one), number)

    def _said(self, name: str, value: Callable[[Summary], str]) -> Matches:
        sign, given = self._next(), self._next()
        if sign.lower() not in _OF_TEXTS or not given.startswith('"'):
            raise ValueError(
                f"{name} {sign} {given}: must be =, !=, CONTAINS, BEGINSWITH or ENDSWITH a text in "
                "quotation marks"
            )
        compare, text = _OF_TEXTS[sign.lower()], _plain(given)
        return lambda one: compare(value(one), text)

    def _service(self) -> Matches:
        self._expect("(")
        given = self._next()
        if given == ")":
            return lambda one: True
        if not given.startswith('"'):
            raise ValueError(f"service({given}: must be a name in quotation marks")
        self._expect(")")
        name = _plain(given)
        return lambda one: name in one.services

    def _expect(self, sign: str) -> None:
        word = self._next()
        if word != sign:
            raise ValueError(f"{word or 'the end'!r} is not expected there, but {sign!r}")


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
