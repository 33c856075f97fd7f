"""What `teal` writes reaches any terminal: no encoding and no closed stream ends in a traceback."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys

_PLAIN = {
    "→": "->",
    "←": "<-",
    "…": "...",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "·": "*",
    "●": "*",
    "✔": "ok",
    "✗": "x",
    "━": "=",
    "╸": "=",
    "╺": "-",
    "│": "|",
    "─": "-",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{NO-BREAK SPACE}": " ",
}
"""What a terminal that has no such character gets instead; anything else becomes a question
mark."""


def make_safe() -> None:
    """Let standard output and standard error take every text, whatever their encoding is, and make
    sure that both exist: a parent may have closed them.
    """
    codecs.register_error("teal", _in_plain_characters)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
            setattr(sys, name, open(descriptor, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="teal")


def flush() -> None:
    """Write what standard output still holds. Raises OSError if that fails, as on a full disk."""
    sys.stdout.flush()


def abandon() -> None:
    """Forget what standard output still holds: the flush at exit must not fail once more."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _in_plain_characters(error: UnicodeError) -> tuple[str, int]:
    """Codec error handler: https://docs.python.org/3/library/codecs.html#codecs.register_error."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in lost), error.end
