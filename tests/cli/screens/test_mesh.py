"""A mesh as text: everything that it has is there, however it hangs together."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.cli.screens.mesh import dot, summary, tree

ANSWER: Any = {
    "graph": {
        "name": "shop", "envoys": 3, "connected": 3, "current": 2, "rejected": 1,
        "nodes": [
            {"id": "virtualGateway/edge", "kind": "virtualGateway", "name": "edge",
             "detail": "http 8080"},
            {"id": "gatewayRoute/edge/all", "kind": "gatewayRoute", "name": "all", "detail": "/"},
            {"id": "virtualService/web.local", "kind": "virtualService", "name": "web.local"},
            {"id": "virtualRouter/web", "kind": "virtualRouter", "name": "web"},
            {"id": "route/web/r", "kind": "route", "name": "r", "detail": "/"},
            {"id": "virtualNode/web-blue", "kind": "virtualNode", "name": "web-blue",
             "service": "web", "side": "blue", "detail": "http 80"},
            {"id": "virtualNode/web-green", "kind": "virtualNode", "name": "web-green"},
        ],
        "edges": [
            {"source": "virtualGateway/edge", "target": "gatewayRoute/edge/all", "kind": "leads"},
            {"source": "gatewayRoute/edge/all", "target": "virtualService/web.local",
             "kind": "uses"},
            {"source": "virtualService/web.local", "target": "virtualRouter/web", "kind": "leads"},
            {"source": "virtualRouter/web", "target": "route/web/r", "kind": "leads"},
            {"source": "route/web/r", "target": "virtualNode/web-blue", "kind": "weight",
             "weight": 9, "share": 0.9},
            {"source": "route/web/r", "target": "virtualNode/web-green", "kind": "weight",
             "weight": 1, "share": 0.1},
        ],
    },
    "edges": {"virtualGateway/edge virtualNode/web-blue":
              {"perSecond": 36.1, "errorsPerSecond": 0.5, "p99": 8.7}},
}  # fmt: skip


def test_the_tree() -> None:
    assert list(tree(ANSWER)) == [
        "virtual gateway edge: http 8080",
        "  gateway route all: /",
        "    virtual service web.local",
        "      virtual router web",
        "        route r: /",
        "          90% virtual node web-blue (web, blue): http 80  "
        "36.1/s, 0.5 errors/s, p99 8.7 ms",
        "          10% virtual node web-green",
    ]


def test_the_summary() -> None:
    lines = list(summary(ANSWER))
    assert lines[0] == ("mesh shop: 3 of 3 Envoys connected, 2 with the newest revision, 1 reject")
    nodes = lines.index("2 virtual nodes")
    # The kind is said once, above.
    assert not any("virtual node" in line for line in lines[nodes + 1 : nodes + 3])


def test_dot() -> None:
    text = "\n".join(dot(ANSWER))
    assert text.count("->") == len(ANSWER["graph"]["edges"]) + len(ANSWER["edges"])
    assert '"virtualNode/web-blue" [shape=box label="web-blue\\nhttp 80"];' in text


NAMES = st.sampled_from(["a", "b", "c", "d"])


@given(st.sets(NAMES, min_size=1), st.lists(st.tuples(NAMES, NAMES), max_size=8))
def test_every_node_is_in_the_tree_even_in_rings(
    names: set[str], edges: list[tuple[str, str]]
) -> None:
    nodes = [{"id": f"virtualNode/{n}", "kind": "virtualNode", "name": n} for n in sorted(names)]
    drawn = [
        {"source": f"virtualNode/{a}", "target": f"virtualNode/{b}", "kind": "uses"}
        for a, b in edges
        if {a, b} <= names
    ]
    answer: Any = {"graph": {"name": "m", "nodes": nodes, "edges": drawn}, "edges": {}}
    lines = list(tree(answer))
    assert {re.search(r"virtual node (\w)", line)[1] for line in lines} == names  # type: ignore[index]
    assert len(lines) <= len(nodes) + len(drawn)
