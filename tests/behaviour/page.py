"""The compatibility page, made from the table: ``python -m tests.behaviour.page [--check]``.

``--check`` writes nothing and ends with 1 when the page is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tealmesh.envoy.support import HANDLED
from tests.behaviour.coverage import SPECS, model_leaves, proofs
from tests.behaviour.rows import ROWS
from tests.behaviour.table import Row

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"

SHOWN = 3
"""How many rows are named for one field; the others are counted."""


def text() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    leaves, proven = model_leaves(), proofs(ROWS)
    yield "# App Mesh compatibility, field by field"
    yield ""
    yield "<!-- Made by `python -m tests.behaviour.page`; a test fails when it is stale. -->"
    yield ""
    yield (
        f"The seven specifications of the App Mesh API have {len(leaves)} leaf fields. "
        f"{len(proven)} of them have an effect in Envoy, each proven by tests that send real "
        f"requests through real Envoys, configured by the real control plane ({len(ROWS)} rows in "
        "`tests/behaviour/rows/`). `pytest tests/behaviour -k ROW` runs one of them."
    )
    for kind, title in SPECS.items():
        yield ""
        yield f"## {title}"
        yield ""
        yield "| field | what Envoy does | rows |"
        yield "|---|---|---|"
        for path in leaves:
            if path.partition(".")[0] == kind.value:
                yield _line(path, path.partition(".")[2], proven.get(path, []), HANDLED[kind])


def _line(path: str, field: str, rows: list[Row], handled: frozenset[str]) -> str:
    if not rows:
        state = "Not proven by a row." if field in handled else "Refused when it is written."
        return f"| `{field}` | {state} | |"
    says = "; ".join(dict.fromkeys(_cell(row.says) for row in rows[:SHOWN]))
    names = ", ".join(f"`{row.name}`" for row in rows[:SHOWN])
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return f"| `{field}` | {says} | {names}{more} |"


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write the page, or compare it with the file."""
    if arguments == ["--check"]:
        stale = not PAGE.exists() or PAGE.read_text() != text()
        if stale:
            print(f"{PAGE.name} is stale: run python -m tests.behaviour.page", file=sys.stderr)
        return int(stale)
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    PAGE.write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
