/** Where the nodes of the graph are drawn. Loaded with the map alone. */

import { graphlib, layout } from "@dagrejs/dagre";
import type { MeshGraph } from "../../data/wire";
import { edgeKey } from "./flows";

export interface Point {
  x: number;
  y: number;
}
export interface Placed {
  width: number;
  height: number;
  /** The middle of each node. */
  nodes: Map<string, Point>;
  edges: Map<string, { points: Point[]; label: Point }>;
}

export const NODE = { width: 156, height: 46 };
/** Room for the rate on an edge; dagre keeps it free. */
const LABEL = { width: 104, height: 14, labelpos: "c" };

export function placed(graph: MeshGraph): Placed {
  const drawn = new graphlib.Graph();
  drawn.setGraph({ rankdir: "LR", nodesep: 18, ranksep: 34, marginx: 12, marginy: 12 });
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
  for (const id of drawn.nodes()) nodes.set(id, drawn.node(id) as Point);
  const edges: Placed["edges"] = new Map();
  for (const edge of drawn.edges()) {
    const key = edgeKey({ source: edge.v, target: edge.w });
    const { points, x, y } = drawn.edge(edge) as { points: Point[]; x?: number; y?: number };
    const middle = points[Math.floor(points.length / 2)] ?? { x: 0, y: 0 };
    edges.set(key, { points, label: { x: x ?? middle.x, y: y ?? middle.y } });
  }
  const { width = 0, height = 0 } = drawn.graph() as { width?: number; height?: number };
  return { width, height, nodes, edges };
}

/** A smooth line through the points. */
export function curve(points: Point[]): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  const parts = [`M${first.x},${first.y}`];
  for (let index = 0; index < rest.length - 1; index++) {
    const [a, b] = [rest[index] as Point, rest[index + 1] as Point];
    parts.push(`Q${a.x},${a.y} ${(a.x + b.x) / 2},${(a.y + b.y) / 2}`);
  }
  const last = rest.at(-1);
  if (last) parts.push(`L${last.x},${last.y}`);
  return parts.join(" ");
}
