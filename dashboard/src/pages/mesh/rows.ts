/** Places the nodes of a large mesh in columns by kind, in an instant. Pure.
 *
 * Who calls whom makes chains that are as long as the mesh is large, and a drawing by them as wide as
 * a street: nobody reads it. Here each virtual service begins a row, with what it leads to beside it;
 * what it is called by is drawn for the resource that is chosen. */

import { byName } from "../../data/order";
import type { GraphEdge, GraphNode, MeshGraph } from "../../data/wire";
import { edgeKey, NODE, type Placed, type Point } from "./placed";

/** More nodes than these are placed so. */
export const MANY_NODES = 150;

const COLUMNS: GraphNode["kind"][] = [
  "virtualGateway",
  "gatewayRoute",
  "virtualService",
  "virtualRouter",
  "route",
  "virtualNode",
];
const MARGIN = 12;
/** Beside a node, room for the rate on an edge. */
const WIDTH = NODE.width + 116;
const HEIGHT = NODE.height + 14;

type Kind = GraphNode["kind"];

function byOrigin(edges: GraphEdge[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const edge of edges) {
    const known = found.get(edge.source);
    if (known) known.push(edge.target);
    else found.set(edge.source, [edge.target]);
  }
  return found;
}

/** Whether an edge is a call, from a virtual node back to a virtual service. */
export function calls(edge: GraphEdge): boolean {
  return edge.kind === "uses" && edge.source.startsWith("virtualNode/");
}

export function rows(graph: MeshGraph): Placed {
  const named = [...graph.nodes].sort((a, b) => byName(a.name, b.name));
  const kinds = new Map<string, Kind>(graph.nodes.map((node) => [node.id, node.kind]));
  const used = COLUMNS.filter((kind) => graph.nodes.some((node) => node.kind === kind));
  const leads = byOrigin(graph.edges.filter((edge) => !calls(edge)));
  const nodes = new Map<string, Point>();
  let lowest = 0;
  /** Place a node at a height, and what it leads to beside it; the height below all of that. */
  const place = (id: string, y: number): number => {
    const kind = kinds.get(id);
    if (kind === undefined || nodes.has(id)) return y;
    const x = MARGIN + used.indexOf(kind) * WIDTH + NODE.width / 2;
    nodes.set(id, { x, y: y + NODE.height / 2 });
    let next = y;
    for (const target of leads.get(id) ?? []) next = place(target, next);
    return Math.max(next, y + HEIGHT);
  };
  // By column, so that what begins furthest to the left takes the others beside it.
  for (const kind of used) {
    for (const node of named) {
      if (node.kind === kind && !nodes.has(node.id)) lowest = place(node.id, lowest || MARGIN);
    }
  }
  const edges: Placed["edges"] = new Map();
  for (const edge of graph.edges) {
    const [from, to] = [nodes.get(edge.source), nodes.get(edge.target)];
    if (from && to) edges.set(edgeKey(edge), between(from, to));
  }
  return { width: 2 * MARGIN + used.length * WIDTH - 116, height: lowest + MARGIN, nodes, edges };
}

/** A curve from the right side of a node to the left side of another, wherever that is. */
function between(from: Point, to: Point): { curve: string; label: Point } {
  const [x1, x2] = [from.x + NODE.width / 2, to.x - NODE.width / 2];
  const bend = Math.max(40, Math.abs(x2 - x1) / 2);
  const curve = `M${x1},${from.y} C${x1 + bend},${from.y} ${x2 - bend},${to.y} ${x2},${to.y}`;
  return { curve, label: { x: (x1 + x2) / 2, y: (from.y + to.y) / 2 } };
}
