"""What the engine says of tasks, and what workers and drivers say as they fail, has a form, so that
the page can say it in its reader's language. All come from the sources: a text that is written anew
is found here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tealmesh
from tealmesh.model.ecs.reasons import told
from tealmesh.model.said import Said

SOURCES = Path(tealmesh.__file__).parent
_ERRORS = frozenset({"EngineError", "DockerUnavailable", "explained"})
_SENTENCE = re.compile(r"[A-Za-z][a-z']+(?:[ ,]+(?:[A-Za-z][a-z']*|a|I)){2,}")
"""Three words in a row."""
_ABOUT_OTHERS = {
    "engine/load_balancers": "of load balancers, not of tasks",
    "engine/runtimes/process/envoys.py": "of load balancers, not of tasks",
    "7: 7": "the two parts of which others are made",
    "not stopped after": "what `teal down` says",
    "too long for a Unix socket": "what `teal up` says",
    "250 control planes": "what `teal up` says",
    "addresses for load balancers": "of load balancers, not of tasks",
    "choose another with --lb-port": "of load balancers, not of tasks",
    "is not in the image map": "completes another text here, and a note of `teal deploy --plan`",
}
"""Parts of places or texts that do not end a task, and what they are."""


def texts() -> dict[str, str]:
    """Each text that the engine makes, with 7 for its values, and where."""
    found: dict[str, str] = {}
    for path in sorted((SOURCES / "engine").rglob("*.py")):
        place = str(path.relative_to(SOURCES))
        for node in ast.walk(ast.parse(path.read_text())):
            found |= {text: f"{place}:{line}" for text, line in _made(node)}
    return found


def _made(node: ast.AST) -> Iterator[tuple[str, int]]:
    """Texts of errors; and sentences that a function returns, which others put into errors."""
    if isinstance(node, ast.Call) and _name(node.func) in _ERRORS:
        if node.args and (text := _filled(node.args[0])):
            yield f"{text}: 7" if _name(node.func) == "explained" else text, node.lineno
    elif isinstance(node, ast.Return) and node.value is not None:
        text = _filled(node.value)
        if text and _SENTENCE.search(text):
            yield text, node.lineno


_FAILURES = frozenset(
    {
        "DatabaseAway", "DiscoveryError", "DiscoveryRefused", "DiscoveryThrottled", "DriverError",
        "EnvoyForbidden", "Fenced", "NoSuchResource", "NoSuchService", "NotYet", "NoticeError",
        "OutsideError", "RuntimeError",
    }
)  # fmt: skip
"""By what a worker that the page tells of fails, for what a deployment waits, and why an Envoy is
refused."""
_ELSEWHERE = ("agent/", "cli/", "engine/", "http2/", "model/")
"""Where such errors have other readers; the engine's are looked for above."""


def failures() -> dict[str, str]:
    """Each text that a worker or a driver fails by, with 7 for its values, and where."""
    found: dict[str, str] = {}
    for path in sorted(SOURCES.rglob("*.py")):
        place = str(path.relative_to(SOURCES))
        if place.startswith(_ELSEWHERE):
            continue
        tree = ast.parse(path.read_text())
        named = {
            target.id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and _filled(node.value)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) in _FAILURES and node.args:
                told_by = node.args[0]
                if isinstance(told_by, ast.Name):
                    told_by = named.get(told_by.id, told_by)
                if text := _filled(told_by):
                    found[text] = f"{place}:{node.lineno}"
    return found


def _name(called: ast.expr) -> str:
    return ast.unparse(called).rpartition(".")[2]


def _filled(text: ast.expr) -> str:
    """A text of the sources with 7 for each value; constants of the module are their values."""
    if isinstance(text, ast.Constant) and isinstance(text.value, str):
        return text.value
    if not isinstance(text, ast.JoinedStr):
        return ""
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else _hole(part) for part in text.values
    )


_CONSTANTS = {
    "_FAILED": "ResourceInitializationError: unable to pull secrets or registry auth",
    "_OR_ROOT": 'or let it run as root (user = "root" under [images] in teal.toml, `user` of the '
    "container definition, or `teal up --task-user root`)",
    "not_mapped(images)": "is not in the image map: add it under [images] in teal.toml (known: 7)",
    "condition": "HEALTHY",
    "kind": "virtual node",
    "named": "the route",
    "verb": "listens",
}
"""Values that are words of the text."""


def _hole(part: ast.expr) -> str:
    assert isinstance(part, ast.FormattedValue)
    return _CONSTANTS.get(ast.unparse(part.value), "7")


def test_each_text_of_the_engine_has_a_form() -> None:
    found = texts()
    assert len(found) > 60
    unknown = {
        text: place
        for text, place in found.items()
        if not isinstance(told(text), Said)
        and not any(part in text or place.startswith(part) for part in _ABOUT_OTHERS)
    }
    assert unknown == {}


_QUOTED = frozenset({"7: 7"})
"""AWS's own words."""


def test_each_failure_of_a_worker_has_a_form() -> None:
    found = failures()
    assert len(found) > 30
    unknown = {
        text: place
        for text, place in found.items()
        if not isinstance(told(text), Said) and text not in _QUOTED
    }
    assert unknown == {}


@pytest.mark.parametrize(
    ("text", "templates"),
    [
        (
            "the database takes no writes (No space left on device): nothing can be changed",
            ["the database takes no writes ({words}): nothing can be changed"],
        ),
        (
            "notices.ops: hook.example.com cannot be asked: refused",
            ["notices.{name}: {what}", "{place} cannot be asked: {words}"],
        ),
    ],
)
def test_a_failure_is_told_by_its_parts(text: str, templates: list[str]) -> None:
    made: object = told(text)
    for template in templates:
        assert isinstance(made, Said)
        assert made.template == template
        made = made.values.get("what")


@pytest.mark.parametrize("part", _ABOUT_OTHERS)
def test_what_is_left_out_is_there(part: str) -> None:
    assert any(part in text or place.startswith(part) for text, place in texts().items())


def test_a_fault_within_a_fault_is_recognized() -> None:
    made = told("container app: user '7' may not execute /srv/app")
    assert isinstance(made, Said)
    assert made.template == "container {container}: {what}"
    inner = made.values["what"]
    assert isinstance(inner, Said)
    assert inner.template == "user {user} may not execute {program}"
