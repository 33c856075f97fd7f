"""Traces as lines: at 80 columns, whatever is told."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.cli.screens.traces import listed, mapped, short_id, took, waterfall

TRACE: Any = {
    "traceId": "1-5759e988-bd862e3fe1be46a994272793",
    "startedAt": 1_795_000_000.0,
    "seconds": 0.1,
    "service": "shop/edge",
    "name": "ingress",
    "method": "GET",
    "url": "http://web.shop.local/",
    "status": 503,
    "fault": True,
    "services": ["shop/edge", "shop/web"],
    "spans": 3,
}
SPANS: Any = [
    {"spanId": "1", "depth": 0, "service": "shop/edge", "name": "ingress", "kind": "server",
     "startedAt": 1_795_000_000.0, "seconds": 0.1, "method": "GET", "status": 503,
     "url": "http://web.shop.local/", "fault": True},
    {"spanId": "2", "parentId": "1", "depth": 1, "service": "shop/web", "name": "ingress",
     "kind": "server", "startedAt": 1_795_000_000.025, "seconds": 0.05, "message": "no row"},
    {"spanId": "3", "parentId": "2", "depth": 2, "service": "shop/web", "name": "work",
     "kind": "internal", "startedAt": 1_795_000_000.05},
]  # fmt: skip


def test_a_waterfall_at_eighty_columns() -> None:
    _, told, *lines = waterfall({"trace": TRACE, "spans": SPANS}, 80)
    assert told.endswith("100 ms, 3 steps of 2 services")
    assert lines == [
        "✖ shop/edge GET web.shop.local/ 503  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━    100 ms",
        "  shop/web ingress                   ········━━━━━━━━━━━━━━━━━········     50 ms",
        "    no row",
        "    work                             ················━━━━━━━━━━━━━━━━━         …",
    ]


def test_a_list_and_what_to_type_without_any() -> None:
    (line,) = listed({"traces": [TRACE], "kept": 1, "services": []}, 80)
    assert "5759e988-bd862e" in line
    assert line.endswith("100 ms  ✖ 503  shop/edge  GET web.shop.local/")
    (nothing,) = listed({"traces": [], "kept": 0, "services": []}, 80)
    assert "teal up --trace" in nothing
    (none,) = listed({"traces": [], "kept": 7, "services": ["a", "b"]}, 80)
    assert "none of the 7 traces" in none


def test_the_map_in_words() -> None:
    counts: Any = {"requests": 2, "errors": 0, "faults": 1, "throttles": 0, "p50": 1.5, "p99": 20.0}
    edge, web = "service/edge", "remote/db"
    lines = list(
        mapped(
            {
                "traces": 2,
                "nodes": [
                    {"id": edge, "kind": "service", "name": "edge", **counts},
                    {"id": web, "kind": "remote", "name": "db", **counts},
                ],
                "edges": [{"source": edge, "target": web, **counts}],
            }
        )
    )
    assert lines[1:] == [
        "edge  2 requests, ✖ 1 failed, p50 1.5 ms, p99 20 ms",
        "  → db  2 requests, ✖ 1 failed, p50 1.5 ms, p99 20 ms  (tells nothing)",
    ]


def test_lengths_of_time_fit_their_column() -> None:
    assert [took(one) for one in (0, 0.000_5, 0.0012, 0.5, 1, 3600, 36_000)] == [
        "0 µs", "500 µs", "1.2 ms", "500 ms", "1.00 s", "3600 s", "10 h",
    ]  # fmt: skip
    assert short_id(TRACE["traceId"]) == "5759e988-bd862e"


_TEXT = st.text(alphabet="ab /✖日", max_size=90)
_TIMES = st.floats(-1e6, 1e6)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"service": _TEXT, "name": _TEXT, "depth": st.integers(0, 60)},
            optional={"url": _TEXT, "seconds": st.floats(0, 1e6), "fault": st.just(True)},
        ),
        min_size=1,
        max_size=9,
    ),
    st.lists(_TIMES, min_size=9, max_size=9),
    st.floats(0, 1e6),
)
def test_no_step_is_wider_than_the_terminal(
    told: list[dict[str, Any]], begins: list[float], seconds: float
) -> None:
    spans: Any = [
        {"spanId": str(n), "kind": "server", **one, "startedAt": 1.7e9 + begin}
        for n, (one, begin) in enumerate(zip(told, begins, strict=False))
    ]
    trace: Any = {**TRACE, "startedAt": 1.7e9, "seconds": seconds}
    _, _, *lines = waterfall({"trace": trace, "spans": spans}, 80)
    assert [len(line) for line in lines] == [80] * len(spans)
