"""Windows come out of the store as they went in."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tealmesh.model.traffic.windows import Counts, Judged, SideWindow, Window

OLD = SideWindow(
    requests=100,
    failures=2,
    client_errors=5,
    open=3,
    active=4,
    started=104,
    timed=90,
    bounds=(0.5, 1.0, 5.0),
    buckets=(10, 60, 89),
    kinds={"5xx": 1, "gone": 1},
    by_caller={"caller": Counts(100, 2, 5)},
    by_second=(Counts(60, 2), Counts(40, 0, 5)),
    latency_by_second=((10, 60, 89, 90), ()),
)


def test_a_window_is_stored_and_read_again() -> None:
    window = Window(3, 1, 1000.0, 10.0, {"blue": 75, "green": 25}, OLD, SideWindow())
    judged = Judged("NEED_DATA", 0.5, 4.6, -0.1, None, 3.0, 1.0)
    window = replace(window, judged={"errors": judged})
    body: Any = json.loads(json.dumps(window.to_json()))
    assert Window.from_json(body) == window
    body["of_a_later_version"] = 1
    assert Window.from_json(body) == window
    assert sum(window.old.by_second, Counts()) == window.old.counts
