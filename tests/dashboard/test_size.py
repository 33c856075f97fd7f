"""What a browser loads before it shows anything."""

from __future__ import annotations

import gzip
import re

import pytest

from tests.support.programs.chromium import BUILT

LIMIT = 200_000
"""Bytes, compressed, without the layout of graphs, which the map alone loads."""


@pytest.mark.skipif(not (BUILT / "index.html").is_file(), reason="the page is not built")
def test_the_page_is_small_and_loads_nothing_from_elsewhere() -> None:
    index = (BUILT / "index.html").read_text()
    named = set(re.findall(r'(?:src|href)="/_teal/assets/([^"]+)"', index))
    assert named
    assert named == {one.rpartition("/")[2] for one in re.findall(r'(?:src|href)="([^"]+)"', index)}
    assert "style=" not in index
    assert not re.search(r"<script(?![^>]* src=)", index)
    files = [path for path in (BUILT / "assets").iterdir() if not path.name.startswith("layout.")]
    assert len(files) < len(list((BUILT / "assets").iterdir())), "the layout is in the page itself"
    assert named <= {path.name for path in files}
    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in files) < LIMIT
