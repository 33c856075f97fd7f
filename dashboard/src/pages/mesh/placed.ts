/** Where the nodes of the graph are drawn. Pure; the layout itself is in `layout.ts`, which a
 * worker runs: with some hundred nodes it takes seconds. */

import type { MeshGraph } from "../../data/wire";

export interface Point {
  x: number;
  y: number;
}
export interface Placed {
  width: number;
  height: number;
  /** The middle of each node. */
  nodes: Map<string, Point>;
  /** ``label``: the foot of the text, in its middle. */
  edges: Map<string, { curve: string; label: Point }>;
}

export const NODE = { width: 156, height: 46 };

export function edgeKey(edge: { source: string; target: string }): string {
  return `${edge.source} ${edge.target}`;
}

/** What the places depend on: what there is, and not what flows. Graphs with the same shape have
 * the same places. */
export function shapeOf(graph: MeshGraph): string {
  return JSON.stringify([
    graph.nodes.map((node) => node.id),
    graph.edges.map((edge) => [edgeKey(edge), edge.kind]),
  ]);
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
