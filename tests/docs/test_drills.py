"""docs/drills.md has a row for each drill, and its table is what `make drills` writes."""

from __future__ import annotations

import json
from dataclasses import asdict

from tests.docs.scripts import load
from tests.drills.listed import DRILLS
from tests.drills.results import Row


def test_each_drill_has_a_row() -> None:
    script = load("drills")
    text = script.PAGE.read_text()
    assert text == script.written(text, {}), "run `python docs/drills.py FILE`"
    table = text.partition(script.BEGIN)[2].partition(script.END)[0]
    for name in DRILLS:
        assert table.count(f"(`{name}`)") == 1


def test_what_is_played_is_written_and_the_rest_kept() -> None:
    script = load("drills")
    first, second = list(DRILLS)[:2]
    played = Row(first, requests=12345, first_write=0.25, converged=1.5, date="d", commit="c")
    failed = Row(second, lost=3, failed="3 were | lost", date="d", commit="c")
    lines = [json.dumps(asdict(Row(first))), json.dumps(asdict(played))]
    page = f"head\n{script.BEGIN}\n{script.END}\ntail\n"
    once = script.written(page, script.rows(lines))
    assert "| 12,345 | 0 | 0 | 0 | 0 | 0.2 s | 1.5 s | d c |" in once
    assert f"(`{second}`){script.NOT_PLAYED}" in once
    twice = script.written(once, script.rows([json.dumps(asdict(failed))]))
    assert "| 12,345 |" in twice
    assert "FAILED: 3 were / lost |" in twice
    assert twice.startswith("head\n")
    assert twice.endswith("\ntail\n")
