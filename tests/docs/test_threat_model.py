"""The threat model names tests that exist."""

from __future__ import annotations

import re

from tests.support.machine import REPOSITORY

MODEL = REPOSITORY / "docs" / "design" / "040-threat-model.md"


def test_every_line_names_its_tests() -> None:
    rows = [line for line in MODEL.read_text().splitlines() if line.startswith("| ")]
    lines = [row for row in rows if row.count(" | ") == 2 and not row.startswith("| tries")]
    assert len(lines) > 20
    assert [line for line in lines if "::test_" not in line] == []
    missing = []
    for file, name in re.findall(r"`([\w/]+\.py)::(test_\w+)`", MODEL.read_text()):
        texts = [path.read_text() for path in REPOSITORY.glob(f"tests/**/{file}")]
        if not any(re.search(rf"def {name}\(", text) for text in texts):
            missing.append(f"{file}::{name}")
    assert missing == []
