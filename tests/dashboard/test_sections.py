"""The sections of the stream have the same names in both languages, and in the contract."""

from __future__ import annotations

import re

from tealmesh.app.dashboard.board import SECTIONS
from tests.support.machine import REPOSITORY


def test_both_sides_of_the_stream_know_the_same_sections() -> None:
    text = (REPOSITORY / "dashboard" / "src" / "data" / "wire.ts").read_text()
    listed = re.search(r"SECTIONS: readonly SectionName\[\] = \[(.*?)\]", text, re.DOTALL)
    typed = re.search(r"export interface Sections \{(.*?)\}", text, re.DOTALL)
    assert listed
    assert typed
    assert tuple(re.findall(r'"(\w+)"', listed[1])) == SECTIONS
    assert tuple(re.findall(r"(\w+):", typed[1])) == SECTIONS


def test_the_contract_describes_them() -> None:
    contract = (REPOSITORY / "docs" / "stream.md").read_text()
    described = re.search(r"(?:interface|type) Sections\b.*?\{(.*?)\n\}", contract, re.DOTALL)
    assert described
    assert tuple(re.findall(r"^ +(\w+):", described[1], re.MULTILINE)) == SECTIONS
