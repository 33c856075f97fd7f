/** Places the nodes of a graph with dagre. Pure. Only the worker of the map loads it. */

import { graphlib, layout } from "@dagrejs/dagre";
import type { MeshGraph } from "../../data/wire";
import { curve, edgeKey, NODE, type Placed, type Point } from "./placed";

/** Room for the rate on an edge; dagre keeps it free. */
const LABEL = { width: 104, height: 14, labelpos: "c" };

/** From the middle of a line to the foot of its text. */
const OVER = -7;
const UNDER = 18;
const ON = 4;
const FALLS = 8;

/** ``upright``: from the top down, for a page that is higher than it is wide. */
export function placed(graph: MeshGraph, upright = false): Placed {
  const drawn = new graphlib.Graph();
  const rankdir = upright ? "TB" : "LR";
  drawn.setGraph({ rankdir, nodesep: 18, ranksep: upright ? 24 : 34, marginx: 12, marginy: 12 });
  drawn.setDefaultEdgeLabel(() => ({}));
  for (const node of graph.nodes) drawn.setNode(node.id, { ...NODE });
  const known = new Set(graph.nodes.map((node) => node.id));
  for (const { source, target, kind } of graph.edges) {
    if (known.has(source) && known.has(target)) {
      drawn.setEdge(source, target, kind === "leads" ? {} : { ...LABEL });
    }
  }
  layout(drawn);
  const nodes = new Map<string, Point>();
  for (const id of drawn.nodes()) {
    const { x, y } = drawn.node(id) as Point;
    nodes.set(id, { x, y });
  }
  const edges: Placed["edges"] = new Map();
  for (const edge of drawn.edges()) {
    const key = edgeKey({ source: edge.v, target: edge.w });
    const { points, x, y } = drawn.edge(edge) as { points: Point[]; x?: number; y?: number };
    const middle = points[Math.floor(points.length / 2)] ?? { x: 0, y: 0 };
    // A text is beside its line: over one that rises, and under one that falls. On one that leads
    // down it interrupts the line.
    const falls = (points.at(-1)?.y ?? 0) - (points[0]?.y ?? 0) > FALLS;
    const aside = upright ? ON : falls ? UNDER : OVER;
    const label = { x: x ?? middle.x, y: (y ?? middle.y) + aside };
    edges.set(key, { curve: curve(points), label });
  }
  const { width = 0, height = 0 } = drawn.graph() as { width?: number; height?: number };
  return { width, height, nodes, edges };
}
