/** How much flows over each edge of a mesh's graph. Pure.
 *
 * Rates are measured between the Envoy that calls and the virtual node that answers. What flows
 * over the edges between follows: from the caller along the one way to that node. Where several
 * ways lead there, the parts go by the weights of the last edges, and evenly before. */

import type { Edge, GraphEdge, MeshGraph } from "../../data/wire";

export interface Flow {
  perSecond: number;
  errorsPerSecond: number;
}

export function edgeKey(edge: { source: string; target: string }): string {
  return `${edge.source} ${edge.target}`;
}

/** The ways without circles from one node to another; callers' own ingress is not left again. */
export function ways(edges: GraphEdge[], from: string, to: string): GraphEdge[][] {
  const out = new Map<string, GraphEdge[]>();
  for (const edge of edges) out.set(edge.source, [...(out.get(edge.source) ?? []), edge]);
  const found: GraphEdge[][] = [];
  const walk = (at: string, path: GraphEdge[]) => {
    for (const edge of out.get(at) ?? []) {
      if (path.some((one) => one.source === edge.target) || edge.target === from) continue;
      if (edge.target === to) found.push([...path, edge]);
      else if (!edge.target.startsWith("virtualNode/")) walk(edge.target, [...path, edge]);
    }
  };
  walk(from, []);
  return found;
}

export function flows(graph: MeshGraph, measured: Record<string, Edge>): Map<string, Flow> {
  const found = new Map<string, Flow>();
  const prefix = `${graph.name} `;
  for (const [key, edge] of Object.entries(measured)) {
    if (!key.startsWith(prefix)) continue;
    const [from = "", to = ""] = key.slice(prefix.length).split(" ");
    const paths = ways(graph.edges, from, to);
    const weights = paths.map((path) => path.at(-1)?.weight ?? 1);
    const total = weights.reduce((sum, one) => sum + one, 0);
    paths.forEach((path, index) => {
      const part = total > 0 ? (weights[index] ?? 0) / total : 1 / paths.length;
      for (const step of path) {
        const known = found.get(edgeKey(step)) ?? { perSecond: 0, errorsPerSecond: 0 };
        found.set(edgeKey(step), {
          perSecond: known.perSecond + edge.perSecond * part,
          errorsPerSecond: known.errorsPerSecond + edge.errorsPerSecond * part,
        });
      }
    });
  }
  return found;
}

/** The width of an edge in pixels by its share of the busiest one. */
export function width(flow: Flow | undefined, most: number): number {
  if (flow === undefined || flow.perSecond <= 0 || most <= 0) return 1;
  return 1.5 + 5 * Math.sqrt(flow.perSecond / most);
}
