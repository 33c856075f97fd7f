"""What `teal` writes reaches any terminal: no encoding and no closed stream ends in a traceback.

No text that others chose (a name, a log line, why something failed) gives orders to the terminal.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import re
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

_CONTROL = re.compile(
    # What our own screens need: colours, the cursor, and parts of the screen that are cleared.
    r"(\x1b\[(?:[0-9;]*[mABCDGHJK]|\?(?:25|1049)[hl]))"
    # All other controls of ASCII and Latin-1, and those that turn the direction of text around.
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)


class _Terminal(io.TextIOWrapper):
    """A terminal that obeys no other orders than `_CONTROL` allows."""

    def write(self, text: str) -> int:
        super().write(harmless(text))
        return len(text)


def harmless(text: str) -> str:
    """``text`` with control characters spelled out, but for those of colours and of our screens: no
    title of the window, clipboard, link, answer typed for the user, or text that reads backwards.
    """
    return _CONTROL.sub(lambda found: found[1] or ascii(found[0])[1:-1], text)


def make_safe() -> None:
    """Let standard output and standard error take every text, whatever their encoding is, and make
    sure that both exist: a parent may have closed them. A terminal gets no orders from texts.
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
            if stream.isatty():
                encoding, by_line = stream.encoding, stream.line_buffering
                made = _Terminal(stream.detach(), encoding, "teal", line_buffering=by_line)
                setattr(sys, name, made)


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
