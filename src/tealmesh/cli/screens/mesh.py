"""A mesh in words, as a tree of how requests go, and in Graphviz's language. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tealmesh.model import wire

_KINDS = {
    "virtualGateway": ("virtual gateway", "virtual gateways"),
    "virtualService": ("virtual service", "virtual services"),
    "virtualRouter": ("virtual router", "virtual routers"),
    "virtualNode": ("virtual node", "virtual nodes"),
}
_SHAPES = {
    "virtualGateway": "house",
    "gatewayRoute": "cds",
    "virtualService": "ellipse",
    "virtualRouter": "diamond",
    "route": "cds",
    "virtualNode": "box",
}


def summary(answer: wire.GetMeshGraphOutput) -> Iterator[str]:
    """What the mesh has, kind by kind, and how its Envoys are."""
    graph = answer["graph"]
    envoys, connected = graph.get("envoys", 0), graph.get("connected", 0)
    current, rejected = graph.get("current", 0), graph.get("rejected", 0)
    counted = f"{connected} of {envoys} Envoys connected, {current} with the newest revision"
    yield f"mesh {graph['name']}: {counted}" + (f", {rejected} reject" if rejected else "")
    for kind, (one, many) in _KINDS.items():
        nodes = [node for node in graph["nodes"] if node["kind"] == kind]
        if nodes:
            yield f"{len(nodes)} {one if len(nodes) == 1 else many}"
            yield from (f"  {_named(node)}" for node in nodes)


def tree(answer: wire.GetMeshGraphOutput) -> Iterator[str]:
    """How requests get from each entrance to virtual nodes, with the rates that were measured."""
    graph = answer["graph"]
    nodes = {node["id"]: node for node in graph["nodes"]}
    leading: dict[str, list[wire.GraphEdge]] = {}
    for edge in graph["edges"]:
        leading.setdefault(edge["source"], []).append(edge)
    targets = {edge["target"] for edge in graph["edges"]}
    entrances = [
        node["id"]
        for node in graph["nodes"]
        if node["kind"] == "virtualGateway" or (node["id"] in leading and node["id"] not in targets)
    ]
    shown: set[str] = set()
    for entrance in entrances:
        yield from _branch(entrance, nodes, leading, answer["edges"], shown)
    # What calls in a ring, and what nobody leads to.
    for node in graph["nodes"]:
        if node["id"] not in shown and node["kind"] in ("virtualService", "virtualNode"):
            yield from _branch(node["id"], nodes, leading, answer["edges"], shown)


def _branch(
    root: str,
    nodes: Mapping[str, wire.GraphNode],
    leading: Mapping[str, list[wire.GraphEdge]],
    rates: Mapping[str, wire.EdgeRate],
    shown: set[str],
) -> Iterator[str]:
    """``shown``: what has been told before, which is not told whole again."""
    # Each with its depth, its share, and whose Envoy sends what goes there. No recursion: nodes
    # may call one another in a long row.
    waiting = [(root, 0, "", "")]
    while waiting:
        identity, depth, share, caller = waiting.pop()
        node = nodes[identity]
        rate = rates.get(f"{caller} {identity}")
        known = identity in shown and bool(leading.get(identity))
        shown.add(identity)
        measured = f"  {rate_words(rate)}" if rate else ""
        above = "  (as above)" if known else ""
        yield f"{'  ' * depth}{share}{_described(node)}{measured}{above}"
        if known:
            continue
        if node["kind"] in ("virtualGateway", "virtualNode"):
            caller = identity
        waiting += [
            (edge["target"], depth + 1, f"{edge['share']:.0%} " if "share" in edge else "", caller)
            for edge in reversed(leading.get(identity, []))
        ]


def rate_words(rate: wire.EdgeRate) -> str:
    """``36.1/s, 0.5 errors/s, p99 9 ms``."""
    words = [f"{rate['perSecond']:g}/s"]
    if rate["errorsPerSecond"]:
        words.append(f"{rate['errorsPerSecond']:g} errors/s")
    if "p99" in rate:
        words.append(f"p99 {rate['p99']:.3g} ms")
    return ", ".join(words)


def dot(answer: wire.GetMeshGraphOutput) -> Iterator[str]:
    """The graph for Graphviz: https://graphviz.org/doc/info/lang.html"""
    graph = answer["graph"]
    yield f"digraph {_quoted(graph['name'])} {{"
    yield "  rankdir=LR; node [fontname=sans];"
    for node in graph["nodes"]:
        label = node["name"] + (f"\n{node['detail']}" if node.get("detail") else "")
        shape = _SHAPES.get(node["kind"], "box")
        yield f"  {_quoted(node['id'])} [shape={shape} label={_quoted(label)}];"
    for edge in graph["edges"]:
        share = edge.get("share")
        style = "" if share is None else f" [label={_quoted(f'{share:.0%}')}]"
        if share == 0:
            style = ' [label="0%" style=dashed]'
        yield f"  {_quoted(edge['source'])} -> {_quoted(edge['target'])}{style};"
    for key, rate in answer["edges"].items():
        source, _, target = key.partition(" ")
        style = f"label={_quoted(rate_words(rate))} color=teal constraint=false"
        yield f"  {_quoted(source)} -> {_quoted(target)} [{style}];"
    yield "}"


def kind_words(kind: str) -> str:
    """``virtual node``, ``gateway route``."""
    return _KINDS[kind][0] if kind in _KINDS else _spaced(kind)


def _described(node: wire.GraphNode) -> str:
    return f"{kind_words(node['kind'])} {_named(node)}"


def _named(node: wire.GraphNode) -> str:
    side = f" ({node['service']}, {node['side']})" if "service" in node and "side" in node else ""
    detail = f": {node['detail']}" if node.get("detail") else ""
    return f"{node['name']}{side}{detail}"


def _spaced(kind: str) -> str:
    return "gateway route" if kind == "gatewayRoute" else kind


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
