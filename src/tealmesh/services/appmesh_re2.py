"""Does Envoy's regular expression engine accept a pattern?

Envoy matches with RE2, whose syntax (https://github.com/google/re2/wiki/Syntax) is neither a part
of Python's nor the other way round: no look-around, no back-references, no possessive operators,
but ``\\pN``, ``[[:alpha:]]``, ``\\Q...\\E`` and flags anywhere. A pattern that RE2 refuses makes
Envoy refuse the whole route configuration, so it is refused when it is written. The tests hold
this recogniser against a real Envoy.
"""

from __future__ import annotations

import regex

_FLAGS = set("imsU")
_ESCAPED_CLASSES = set("dDsSwW")
_ESCAPED_EMPTY = set("bBAz")
_ESCAPED_CHARACTERS = set("aftnrv")
_POSIX = {
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
}  # fmt: skip
_CATEGORIES = {
    "Any", "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn",
    "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm",
    "So", "Z", "Zl", "Zp", "Zs",
}  # fmt: skip

MAX_REPEAT = 1000
"""RE2's bound on ``{n,m}``, and on the product of nested ones."""


class _RefusedError(Exception):
    """RE2 would refuse the pattern; the text says why."""


def re2_error(pattern: str) -> str | None:
    """Why RE2 refuses ``pattern``, or None when it accepts it."""
    try:
        _Parser(pattern).parse()
    except _RefusedError as error:
        return str(error)
    return None


class _Parser:
    """Recursive descent over RE2's grammar.

    Each method returns the largest product of nested repetition counts within what it has read.
    """

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._group_names: set[str] = set()

    def parse(self) -> None:
        self._alternation()
        if self._at < len(self._text):
            raise _RefusedError(f"unexpected ')' at position {self._at}")

    def _alternation(self) -> int:
        product = self._concatenation()
        while self._take("|"):
            product = max(product, self._concatenation())
        return product

    def _concatenation(self) -> int:
        largest, atom, repeated = 1, None, False
        while self._at < len(self._text) and self._peek() not in "|)":
            start = self._at
            count = self._repetition()
            if count is None:
                product = self._atom()
                if product is not None:  # flags alone, such as (?i), are no atom
                    atom, repeated = product, False
                    largest = max(largest, product)
                continue
            if atom is None:
                raise _RefusedError(f"nothing to repeat at position {start}")
            if repeated:
                shown = self._text[start : self._at]
                raise _RefusedError(f"repetition of a repetition ({shown}) at position {start}")
            atom, repeated = atom * count, True
            largest = max(largest, atom)
            if largest > MAX_REPEAT:
                raise _RefusedError(f"repetition of more than {MAX_REPEAT} at position {start}")
        return largest

    def _repetition(self) -> int | None:
        """Read an operator; its count for ``{n,m}``, 1 for the others, None if there is none."""
        count = None
        if self._peek() in "*+?":
            self._at += 1
            count = 1
        elif found := regex.compile(r"\{(\d+)(,(\d*))?\}").match(self._text, self._at):
            least = int(found[1])
            most = int(found[3]) if found[3] else least
            if least > MAX_REPEAT or most > MAX_REPEAT or most < least:
                raise _RefusedError(f"bad repetition {found[0]}: at most {MAX_REPEAT}")
            self._at = found.end()
            count = max(most, 1)
        if count is not None:
            self._take("?")
        return count

    def _atom(self) -> int | None:
        character = self._peek()
        if character == "(":
            return self._group()
        if character == "[":
            self._bracket()
        elif character == "\\":
            self._escape()
        else:
            self._at += 1
        return 1

    def _group(self) -> int | None:
        start = self._at
        self._at += 1
        if self._take("?"):
            if named := regex.compile(r"P?<(\w+)>").match(self._text, self._at):
                if named[1] in self._group_names:
                    raise _RefusedError(f"group name {named[1]!r} is used twice")
                self._group_names.add(named[1])
                self._at = named.end()
            elif not self._flags(start):
                return None
        product = self._alternation()
        if not self._take(")"):
            raise _RefusedError(f"missing ')' for the group at position {start}")
        return product

    def _flags(self, start: int) -> bool:
        """Read ``i-s:`` or ``i)``; whether a group follows."""
        found = regex.compile(r"([a-zA-Z]*)(?:-([a-zA-Z]+))?([:)])").match(self._text, self._at)
        if not found or set(found[1] + (found[2] or "")) - _FLAGS:
            shown = self._text[start : start + 4]
            raise _RefusedError(f"RE2 has no {shown} (look-around and the like) at {start}")
        if found[3] == ")" and not found[1] and not found[2]:
            raise _RefusedError(f"missing flags at position {start}")
        self._at = found.end()
        return bool(found[3] == ":")

    def _escape(self) -> None:
        start = self._at
        following = self._text[start + 1 : start + 2]
        if following == "Q":
            end = self._text.find("\\E", start + 2)
            self._at = len(self._text) if end < 0 else end + 2
        elif following in _ESCAPED_CLASSES | _ESCAPED_EMPTY | {"C"}:
            self._at += 2
        elif following in ("p", "P"):
            self._property()
        else:
            self._escaped_character()

    def _property(self) -> None:
        found = regex.compile(r"\\[pP](?:\{\^?(\w+)\}|(\w))").match(self._text, self._at)
        name = (found[1] or found[2]) if found else ""
        if not found or not (name in _CATEGORIES or _is_script(name)):
            raise _RefusedError(f"unknown Unicode property at position {self._at}")
        self._at = found.end()

    def _escaped_character(self) -> int:
        """Read one escaped character and return its code."""
        start = self._at
        table = r"\\(?:x\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|(0[0-7]{0,2}|[1-7][0-7]{1,2})|(.))"
        found = regex.compile(table, regex.DOTALL).match(self._text, start)
        if not found:
            raise _RefusedError("the pattern ends with a backslash")
        self._at = found.end()
        if found[1] or found[2]:
            code = int(found[1] or found[2], 16)
            if code > 0x10FFFF:
                raise _RefusedError(f"{found[0]} is beyond Unicode")
            return code
        if found[3]:
            return int(found[3], 8)
        character = str(found[4])
        plain = character in _ESCAPED_CHARACTERS
        if not plain and (ord(character) >= 0x80 or character.isalnum()):
            raise _RefusedError(f"RE2 has no escape {found[0]} (position {start})")
        return ord("\n") if plain else ord(character)

    def _bracket(self) -> None:
        start = self._at
        self._at += 1
        self._take("^")
        first = True
        while first or self._peek() != "]":
            if self._at >= len(self._text):
                raise _RefusedError(f"missing ']' for the class at position {start}")
            self._bracket_item()
            first = False
        self._at += 1

    def _bracket_item(self) -> None:
        if found := regex.compile(r"\[:\^?(\w*):\]").match(self._text, self._at):
            if found[1] not in _POSIX:
                raise _RefusedError(f"unknown class {found[0]}")
            self._at = found.end()
            return
        following = self._text[self._at + 1 : self._at + 2]
        if self._peek() == "\\" and following in _ESCAPED_CLASSES:
            self._at += 2
            return
        if self._peek() == "\\" and following in ("p", "P"):
            self._property()
            return
        start = self._at
        low = self._bracket_character()
        if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("", "]"):
            self._at += 1
            if self._bracket_character() < low:
                raise _RefusedError(f"bad range {self._text[start : self._at]}")

    def _bracket_character(self) -> int:
        if self._peek() == "\\":
            return self._escaped_character()
        character = self._peek()
        self._at += 1
        return ord(character)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, character: str) -> bool:
        if self._peek() != character:
            return False
        self._at += 1
        return True


def _is_script(name: str) -> bool:
    if not name[:1].isupper():
        return False
    try:
        regex.compile(rf"\p{{Script={name}}}")
    except regex.error:
        return False
    return True
