"""Documents name files, folders and headings that exist."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

from tests.support.machine import REPOSITORY

DOCUMENTS = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"[\w.*-]+(/[\w.*-]+)*(\.(py|md|sh|tf|toml)|/[\w.*-]+\.json|/)")
"""A file by its suffix, or a folder by its last slash."""


@cache
def tracked() -> frozenset[str]:
    """Files that Git tracks or will, and their folders with a slash at the end."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    files = {line for line in done.stdout.splitlines() if (REPOSITORY / line).exists()}
    folders = {f"{folder}/" for file in files for folder in PurePosixPath(file).parents}
    return frozenset(files | folders)


def exists(path: str) -> bool:
    """Whether some tracked path is ``path`` or ends with it: `http2/call.py` is short for
    `src/tealmesh/http2/call.py`.
    """
    return any(fnmatch(one, path) or fnmatch(one, f"*/{path}") for one in tracked())


def anchors(document: Path) -> set[str]:
    """The fragments of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(document: Path) -> Iterator[str]:
    for link in LINK.findall(document.read_text()):
        if "://" in link:
            continue
        path, _, fragment = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (fragment and fragment not in anchors(target)):
            yield link


def missing_paths(document: Path) -> Iterator[str]:
    for code in CODE.findall(document.read_text()):
        if PATH.fullmatch(code) and not exists(code):
            yield code


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    assert list(broken_links(document)) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_files_and_folders_exist(document: Path) -> None:
    assert list(missing_paths(document)) == []


def test_a_wrong_path_and_a_wrong_link_are_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One\n[a](#one) [b](#two) [c](none.md) `http2/call.py` `xds/none.py` `none/`")
    assert list(broken_links(page)) == ["#two", "none.md"]
    assert list(missing_paths(page)) == ["xds/none.py", "none/"]
