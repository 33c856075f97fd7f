/** The part of a graph that somebody looks for. Pure. */

import type { GraphEdge, MeshGraph } from "../../data/wire";

/** The nodes whose name has the text, and what lies between them and the next virtual nodes and
 * gateways: who calls them, and whom they call. All of it without a text. */
export function around(graph: MeshGraph, text: string): MeshGraph {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return graph;
  const kept = new Set<string>();
  const forwards = by(graph.edges, "source");
  const backwards = by(graph.edges, "target");
  const walk = (from: string, edges: Map<string, GraphEdge[]>, way: "source" | "target") => {
    const seen = new Set([from]);
    const open = [from];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      kept.add(at);
      if (at !== from && ends(at)) continue;
      for (const edge of edges.get(at) ?? []) {
        if (seen.has(edge[way])) continue;
        seen.add(edge[way]);
        open.push(edge[way]);
      }
    }
  };
  for (const node of graph.nodes) {
    if (!node.name.toLowerCase().includes(wanted)) continue;
    walk(node.id, forwards, "target");
    walk(node.id, backwards, "source");
  }
  return {
    ...graph,
    nodes: graph.nodes.filter((node) => kept.has(node.id)),
    edges: graph.edges.filter((edge) => kept.has(edge.source) && kept.has(edge.target)),
  };
}

function ends(id: string): boolean {
  return id.startsWith("virtualNode/") || id.startsWith("virtualGateway/");
}

function by(edges: GraphEdge[], side: "source" | "target"): Map<string, GraphEdge[]> {
  const found = new Map<string, GraphEdge[]>();
  for (const edge of edges) found.set(edge[side], [...(found.get(edge[side]) ?? []), edge]);
  return found;
}
