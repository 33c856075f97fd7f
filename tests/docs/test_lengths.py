"""CONTRIBUTING.md: how long files and functions are, and how many modules a folder has."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.machine import REPOSITORY

PACKAGE = REPOSITORY / "src" / "tealmesh"
MOST_LINES = 400
MOST_OF_A_FUNCTION = 45
"""Without its signature and its docstring."""
MOST_MODULES = 20

LONGER = {
    "rollout/journal.py _words": 64,
    "apis/tealmesh/answers.py deployment": 55,
    "aws/interfaces.py _item": 53,
    "cli/options.py with_listening": 52,
    "cli/commands/envoy.py bootstrap": 52,
    "envoy/bootstrap/bootstrap.py bootstrap": 51,
    "cli/screens/status.py status_view": 48,
    "app/parts/plane.py __init__": 46,
}
"""Lists in the form of a function, one row below the other: parts of them would say less. None is
to be added, and none may grow."""


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """The functions of a file, and the lines of what they do."""
    for one in ast.walk(ast.parse(path.read_text())):
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            does = one.body[1:] if ast.get_docstring(one) is not None else one.body
            if does:
                last = does[-1].end_lineno or 0
                yield f"{path.relative_to(PACKAGE)} {one.name}", last - does[0].lineno + 1


def test_functions_can_be_seen_whole() -> None:
    long: dict[str, int] = {}
    for path in PACKAGE.rglob("*.py"):
        for name, lines in functions(path):
            if lines > MOST_OF_A_FUNCTION:
                long[name] = max(lines, long.get(name, 0))
    grown = {name: lines for name, lines in long.items() if lines > LONGER.get(name, 0)}
    assert not grown, f"more than {MOST_OF_A_FUNCTION} lines: split them where it reads better"
    shrunk = {name: long.get(name) for name, most in LONGER.items() if long.get(name) != most}
    assert not shrunk, "shorter than LONGER says: say so there"


def test_files_and_folders_can_be_overlooked() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert not {path.name: count for path, count in lines.items() if count > MOST_LINES}
    folders = {path.parent for path in lines}
    modules = {one: len([p for p in one.glob("*.py") if p.stem != "__init__"]) for one in folders}
    assert not {one.name: count for one, count in modules.items() if count > MOST_MODULES}
