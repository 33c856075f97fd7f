"""The README's picture of the terminal: made of its recording, small, and of today's layout."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

from tests.cli.live.test_tree import RUNNING, shown, sight, web
from tests.docs.scripts import load
from tests.support.machine import REPOSITORY

animation, film = load("animation"), load("film")
CAST = (REPOSITORY / "docs" / "deployment.cast").read_text()
SVG = (REPOSITORY / "docs" / "deployment.svg").read_text()
NAMESPACE = "{http://www.w3.org/2000/svg}"
RENEW = "run `python docs/film.py`"
GATES = {
    "convergence": "PASS", "tasks": "PASS", "share": "PASS", "success-rate": "PASS",
    "errors": "NEED_DATA", "client-errors": "PASS", "latency": "PASS",
}  # fmt: skip


def pictures() -> list[list[str]]:
    head, events = animation.read(CAST)
    return [
        ["".join(cell.text for cell in row).rstrip() for row in frame.picture]
        for frame in animation.frames(events, head["width"], head["height"])
    ]


def test_the_picture_is_made_of_its_recording() -> None:
    assert animation.of_cast(CAST, film.POSTER) == SVG, "run `make recording`"


def test_it_is_small_and_asks_nobody_for_anything() -> None:
    assert len(SVG.encode()) < 150_000
    assert re.findall(r"https?://[^\s\"'<]+", re.sub(r"<text.*?</text>", "", SVG)) == [
        "http://www.w3.org/2000/svg"
    ]
    for sought in ("url(", "@import", "<script", "<image"):
        assert sought not in SVG
    for sought in ("prefers-reduced-motion", "prefers-color-scheme:dark", "<title>"):
        assert sought in SVG


def test_every_row_is_where_the_terminal_shows_it() -> None:
    root = ET.fromstring(SVG)
    rows = {
        text.get("id"): "".join(span.text or "" for span in text.iter(f"{NAMESPACE}tspan"))
        for text in root.iter(f"{NAMESPACE}text")
    }
    drawn: dict[int, str] = {}
    for used in root.iter(f"{NAMESPACE}use"):
        drawn[int(used.get("y", "")) // animation.HIGH] = rows[used.get("href", "")[1:]]
    whole = [row for picture in pictures() for row in picture]
    for at, row in enumerate(whole):
        assert drawn.get(at, "").replace(" ", "") == row.replace(" ", "")


def test_its_commands_are_those_that_were_played() -> None:
    seen = "\n".join(line for picture in pictures() for line in picture)
    for command, end in film.PLAYED:
        assert f"$ {command}" in seen, RENEW
        assert end in seen, RENEW


def labels(text: str) -> list[str]:
    """Of each line, its branches, its mark and its first words; of a side, all columns."""
    made = []
    for line in text.splitlines():
        words = re.sub(r"\b[0-9a-f]{8}\b|\d+(\.\d+)?", "#", line)
        words = re.sub(r"[ ▁▂▃▄▅▆▇█]{2,}", " ", words)
        columns = words.split(" ")
        made.append(" ".join(columns if " set # % got # %" in words else columns[:3]).strip())
    return made


def test_the_layout_is_that_of_today() -> None:
    evidence: dict[str, Any] = {"step": 1, "weights": {}, "requests": 9, "failures": 0,
        "totalRequests": 18}  # fmt: skip
    verdicts = [{"gate": g, "verdict": v, "detail": "so it is"} for g, v in GATES.items()]
    deployment: dict[str, Any] = {**RUNNING, "evidence": [{**evidence, "verdicts": verdicts}]}
    del deployment["waitingFor"]
    sides = [{**side, "errors": 0, "errorKinds": {}} for side in web()["sides"]]
    seen = sight(web(deployment=deployment, sides=sides))
    # Which tasks there are, and what they wait for, is not the layout.
    rows = [line for line in shown(seen).splitlines() if line[:1] not in ("│", " ")]
    today = labels("\n".join(rows))
    recorded = [labels("\n".join(picture)) for picture in pictures()]

    def like(picture: list[str]) -> bool:
        rest = iter(picture)
        return all(any(one == there for there in rest) for one in today)

    assert any(like(picture) for picture in recorded), f"{RENEW}; sought {today}"
