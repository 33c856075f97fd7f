/** How much flows over each edge of a mesh's graph. Pure.
 *
 * Rates are measured between the Envoy that calls and the virtual node that answers. What flows
 * over the edges between follows: from the caller along the one way to that node. Where several
 * ways lead there, the parts go by the weights of the last edges, and evenly before. */

import type { Edge, GraphEdge, MeshGraph } from "../../data/wire";
import { edgeKey, shapeOf } from "./placed";

export interface Flow {
  perSecond: number;
  errorsPerSecond: number;
}

/** The edges of a graph, by where they come from. */
type Out = Map<string, GraphEdge[]>;

function out(edges: GraphEdge[]): Out {
  const found: Out = new Map();
  for (const edge of edges) {
    const known = found.get(edge.source);
    if (known) known.push(edge);
    else found.set(edge.source, [edge]);
  }
  return found;
}

/** The ways without circles from one node to another; callers' own ingress is not left again. */
export function ways(edges: Out, from: string, to: string): GraphEdge[][] {
  const found: GraphEdge[][] = [];
  const walk = (at: string, path: GraphEdge[]) => {
    for (const edge of edges.get(at) ?? []) {
      if (path.some((one) => one.source === edge.target) || edge.target === from) continue;
      if (edge.target === to) found.push([...path, edge]);
      else if (!edge.target.startsWith("virtualNode/")) walk(edge.target, [...path, edge]);
    }
  };
  walk(from, []);
  return found;
}

/** The ways of graphs of one shape: rates come each second, and a weight that changes makes another
 * graph, but the ways stay. */
class Ways {
  private readonly out: Out;
  private readonly known = new Map<string, string[][]>();

  constructor(graph: MeshGraph) {
    this.out = out(graph.edges);
  }

  /** The keys of the edges of each way between two nodes, ``key``: their ids. */
  of(key: string): string[][] {
    let found = this.known.get(key);
    if (found === undefined) {
      const [from = "", to = ""] = key.split(" ");
      found = ways(this.out, from, to).map((path) => path.map(edgeKey));
      this.known.set(key, found);
    }
    return found;
  }
}

/** Of the graph that was drawn last: one is drawn at a time. */
let last: { shape: string; ways: Ways } | undefined;

function waysOf(graph: MeshGraph): Ways {
  const shape = shapeOf(graph);
  if (last?.shape !== shape) last = { shape, ways: new Ways(graph) };
  return last.ways;
}

/** ``waysOf`` of the same graph, which is asked for again with each change of the rates. */
const ofGraph = new WeakMap<MeshGraph, { ways: Ways; weights: Map<string, number> }>();

export function flows(graph: MeshGraph, measured: Record<string, Edge>): Map<string, Flow> {
  const found = new Map<string, Flow>();
  const prefix = `${graph.name} `;
  let known = ofGraph.get(graph);
  if (known === undefined) {
    const weights = new Map(graph.edges.map((edge) => [edgeKey(edge), edge.weight ?? 1]));
    known = { ways: waysOf(graph), weights };
    ofGraph.set(graph, known);
  }
  for (const [key, edge] of Object.entries(measured)) {
    if (!key.startsWith(prefix)) continue;
    const paths = known.ways.of(key.slice(prefix.length));
    const weights = paths.map((path) => known.weights.get(path.at(-1) ?? "") ?? 1);
    const total = weights.reduce((sum, one) => sum + one, 0);
    paths.forEach((path, index) => {
      const part = total > 0 ? (weights[index] ?? 0) / total : 1 / paths.length;
      for (const step of path) {
        const flow = found.get(step) ?? { perSecond: 0, errorsPerSecond: 0 };
        flow.perSecond += edge.perSecond * part;
        flow.errorsPerSecond += edge.errorsPerSecond * part;
        found.set(step, flow);
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
