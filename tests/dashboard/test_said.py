"""Every text that the control plane makes has its Japanese on the page: `tealmesh.model.said`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import tealmesh

SOURCES = Path(tealmesh.__file__).parent
TEXTS = SOURCES.parents[1] / "dashboard" / "src" / "text" / "said"
_TEXT = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_ENTRY = re.compile(rf"^  ({_TEXT}|\w+):\s*({_TEXT}),$", re.MULTILINE)
_FORM = re.compile(r"\{\w+\}|[\s:;,.\[\]()]")
"""What is in a template that is the same in each language."""
_MAKES = re.compile(r"^from tealmesh\.model\.(said|ecs\.forms) import", re.MULTILINE)
_NAME = re.compile(r"\{(\w+)\}")


def templates() -> dict[str, str]:
    """Every template in the sources, with where it is."""
    found: dict[str, str] = {}
    for path in SOURCES.rglob("*.py"):
        text = path.read_text()
        if not _MAKES.search(text):
            continue
        for call in ast.walk(ast.parse(text)):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                where = f"{path.relative_to(SOURCES)}:{call.lineno}"
                found |= dict.fromkeys(_of(call, where), where)
    return found


def _of(call: ast.Call, where: str) -> Iterator[str]:
    assert isinstance(call.func, ast.Name)
    if call.func.id in ("say", "form"):
        (template,) = call.args
        assert isinstance(template, ast.Constant), f"{where}: a template must be a constant"
        yield str(template.value)
    if call.func.id == "counted":
        noun = call.args[1]
        assert isinstance(noun, ast.Constant), f"{where}: a noun must be a constant"
        yield f"{{n}} {noun.value}"
        yield f"{{n}} {noun.value}s"


def japanese() -> dict[str, str]:
    text = "".join(path.read_text() for path in TEXTS.glob("*.ts"))
    return {
        key if key.isidentifier() else ast.literal_eval(key): ast.literal_eval(value)
        for key, value in _ENTRY.findall(text)
    }


def test_every_template_has_its_japanese_and_nothing_else_has() -> None:
    there, known = templates(), japanese()
    lacking = {one: there[one] for one in there if _FORM.sub("", one) and one not in known}
    assert lacking == {}
    assert sorted(set(known) - set(there)) == []


def test_the_japanese_has_the_same_values() -> None:
    differs = {
        template: text
        for template, text in japanese().items()
        if set(_NAME.findall(template)) != set(_NAME.findall(text))
    }
    assert differs == {}
