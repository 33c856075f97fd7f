"""Does Envoy's regular expression engine accept a pattern?

Envoy matches with RE2, which has no look-around, no back-references and no possessive operators,
and whose other syntax is not Python's either (https://github.com/google/re2/wiki/Syntax). A
pattern that it refuses makes Envoy refuse the whole route configuration, so it is refused when it
is written: by RE2 itself. The tests hold this against a real Envoy.
"""

from __future__ import annotations

import re2

from tealmesh.envoy.bootstrap.bootstrap import REGEX_SIZE


def re2_error(pattern: str) -> str | None:
    """Why Envoy would refuse ``pattern``, or None when it accepts it."""
    options = re2.Options()
    # Envoy matches bytes, not characters: in that encoding \x{100} is no escape.
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    try:
        size = re2.compile(pattern.encode(), options).programsize
    except re2.error as error:
        reason = error.args[0]
        return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
    if size > REGEX_SIZE:
        return f"it compiles to {size} instructions, at most {REGEX_SIZE} are allowed"
    return None
