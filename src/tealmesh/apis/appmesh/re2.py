"""Whether Envoy's regular expression library accepts a pattern.

Envoy matches with RE2, which has no look-around, no back-references and no possessive operators,
and otherwise differs from Python too (https://github.com/google/re2/wiki/Syntax). For a pattern
that RE2 refuses, Envoy refuses the whole route configuration, so RE2 itself checks each pattern
when it is written. The tests compare the results with a real Envoy's.
"""

from __future__ import annotations

import re2

from tealmesh.envoy.bootstrap.bootstrap import REGEX_SIZE


def re2_error(pattern: str) -> str | None:
    """Why Envoy would refuse ``pattern``; None if it accepts it."""
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
