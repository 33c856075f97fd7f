"""One word for how a deployment stands, wherever it is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tealmesh.model.rollout.states import ABORTED, Status, outcome

MARKS = Path(__file__).parents[3] / "dashboard" / "src" / "parts" / "marks.tsx"


@pytest.mark.parametrize("status", Status)
def test_only_what_a_person_ended_and_what_still_serves_is_aborted(status: Status) -> None:
    assert outcome(status, "") == status
    over = status in (Status.ROLLBACK_SUCCESSFUL, Status.STOPPED)
    assert outcome(status, "ada") == (ABORTED if over else status)


def test_the_page_calls_the_same_aborted() -> None:
    rule = re.search(r"const over = (.*?);\n", MARKS.read_text())
    assert rule is not None
    named = set(re.findall(r'"([A-Z_]+)"', rule[1]))
    assert named == {status for status in Status if outcome(status, "ada") == ABORTED}
