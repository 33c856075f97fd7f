import { expect, test } from "vitest";
import { moving, recorded } from "../src/data/samples";
import type { Edge, GraphEdge, MeshGraph } from "../src/data/wire";
import { around } from "../src/pages/mesh/around";
import { flows } from "../src/pages/mesh/flows";
import { placed } from "../src/pages/mesh/layout";
import { shapeOf } from "../src/pages/mesh/placed";
import { calls, rows } from "../src/pages/mesh/rows";
import { TEXTS } from "../src/text/texts";

const SOURCES = import.meta.glob<string>("../src/**/*.{ts,tsx}", {
  query: "?raw",
  eager: true,
  import: "default",
});
const placeholders = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

test.each(Object.entries(TEXTS))("%s is said in both languages, of the same things", (_, both) => {
  const [english, japanese] = both;
  expect(english.trim()).not.toBe("");
  expect(japanese.trim()).not.toBe("");
  expect(placeholders(japanese)).toEqual(placeholders(english));
});

test("every text is used", () => {
  const source = Object.entries(SOURCES)
    .filter(([name]) => !/text\/(texts|deploying|traces)\.ts$/.test(name))
    .map(([, text]) => text)
    .join("\n");
  const families =
    /^(state|verdict|standing|stop|task|health|action|will|group|unit|kind|span|map|transition)\./;
  const unused = Object.keys(TEXTS).filter(
    (key) => !families.test(key) && !source.includes(`"${key}"`),
  );
  expect(unused).toEqual([]);
});

test("what the page remembers of the traffic has an end, and is of what moves", () => {
  const traffic = { seconds: 10, perSecond: 1, sides: {} };
  const all = { web: traffic, calm: traffic };
  const wanted = new Set(["web", "gone"]);
  let known = {};
  for (let at = 0; at < 1500; at++) known = recorded(known, all, wanted, at);
  const found = recorded(known, all, wanted, 1500);
  expect(found.web).toHaveLength(600);
  expect(Object.keys(found)).toEqual(["web"]);
  expect(recorded(found, {}, wanted, 1501)).toEqual({});
});

test("what moves is deployed, or was a while ago", () => {
  const deployments = [
    { service: "a" },
    { service: "b", finishedAt: 950 },
    { service: "c", finishedAt: 1 },
  ];
  expect([...moving(deployments, 1000)]).toEqual(["a", "b"]);
});

const edge = (source: string, target: string, weight?: number): GraphEdge => ({
  source,
  target,
  kind: weight === undefined ? "uses" : "weight",
  weight,
});
const graph: MeshGraph = {
  name: "shop",
  nodes: [
    { id: "virtualGateway/edge", kind: "virtualGateway", name: "edge" },
    { id: "virtualService/web", kind: "virtualService", name: "web" },
    { id: "route/r/web", kind: "route", name: "web" },
    { id: "virtualNode/blue", kind: "virtualNode", name: "blue" },
    { id: "virtualNode/green", kind: "virtualNode", name: "green" },
  ],
  edges: [
    edge("virtualGateway/edge", "virtualService/web"),
    edge("virtualService/web", "route/r/web"),
    edge("route/r/web", "virtualNode/blue", 90),
    edge("route/r/web", "virtualNode/green", 10),
    edge("virtualNode/blue", "virtualService/web"),
  ],
};

test("what flows over the edges between adds up, and goes round in no circle", () => {
  const measured: Record<string, Edge> = {
    "shop virtualGateway/edge virtualNode/blue": { perSecond: 36, errorsPerSecond: 0 },
    "shop virtualGateway/edge virtualNode/green": { perSecond: 4, errorsPerSecond: 1 },
    "other virtualGateway/edge virtualNode/green": { perSecond: 99, errorsPerSecond: 0 },
    "shop virtualGateway/edge virtualNode/unknown": { perSecond: 7, errorsPerSecond: 0 },
  };
  const found = flows(graph, measured);
  expect(found.get("virtualGateway/edge virtualService/web")).toEqual({
    perSecond: 40,
    errorsPerSecond: 1,
  });
  expect(found.get("route/r/web virtualNode/green")).toEqual({ perSecond: 4, errorsPerSecond: 1 });
  expect(found.has("virtualNode/blue virtualService/web")).toBe(false);
});

test("a large mesh is laid out, each node in a place of its own", { timeout: 60_000 }, () => {
  const large: MeshGraph = { ...graph, nodes: [], edges: [] };
  for (let i = 0; i < 200; i++) {
    large.nodes.push({ id: `virtualNode/n${i}`, kind: "virtualNode", name: `n${i}` });
    large.nodes.push({ id: `virtualService/s${i}`, kind: "virtualService", name: `s${i}` });
    large.edges.push(edge(`virtualService/s${i}`, `virtualNode/n${i}`));
    large.edges.push(edge(`virtualNode/n${i}`, `virtualService/s${(i * 7 + 1) % 200}`));
  }
  const found = placed(large);
  const places = new Set([...found.nodes.values()].map(({ x, y }) => `${x} ${y}`));
  expect(places.size).toBe(400);
  expect(found.edges.size).toBe(400);
});

test("on a telephone a mesh leads from the top down, and fits it", () => {
  const once = { ...graph, edges: graph.edges.slice(0, 4) };
  const found = placed(once, true);
  for (const { source, target } of once.edges) {
    const [from, to] = [found.nodes.get(source), found.nodes.get(target)];
    expect(from?.y).toBeLessThan(to?.y ?? 0);
  }
  expect(found.width).toBeLessThan(placed(once).width / 2);
});

test("a very large mesh is placed in rows: what a service leads to is beside it", () => {
  const large: MeshGraph = { ...graph, nodes: [], edges: [] };
  for (let i = 0; i < 300; i++) {
    large.nodes.push({ id: `virtualNode/n${i}`, kind: "virtualNode", name: `n${i}` });
    large.nodes.push({ id: `virtualService/s${i}`, kind: "virtualService", name: `s${i}` });
    large.edges.push(edge(`virtualService/s${i}`, `virtualNode/n${i}`));
    large.edges.push(edge(`virtualNode/n${i}`, `virtualService/s${(i * 7 + 1) % 300}`));
  }
  const found = rows(large);
  expect(new Set([...found.nodes.values()].map(({ x, y }) => `${x} ${y}`)).size).toBe(600);
  for (const [id, at] of found.nodes) {
    expect(at.x).toBeLessThan(found.width);
    expect(at.y).toBeLessThan(found.height);
    if (id.startsWith("virtualService/"))
      expect(found.nodes.get(id.replace("Service/s", "Node/n"))?.y).toBe(at.y);
  }
  expect(found.edges.size).toBe(600);
  expect(large.edges.filter(calls)).toHaveLength(300);
});

test("a graph that goes round, or leads to what is not there, is placed all the same", () => {
  const round: MeshGraph = {
    ...graph,
    nodes: graph.nodes.slice(0, 3),
    edges: [
      edge("virtualService/web", "route/r/web"),
      edge("route/r/web", "virtualService/web"),
      edge("route/r/web", "virtualNode/gone"),
    ],
  };
  expect([...rows(round).nodes.keys()].sort()).toEqual(round.nodes.map((one) => one.id).sort());
});

test("the same shape has the same places, whatever flows", () => {
  const weighted = { ...graph, edges: graph.edges.map((one) => ({ ...one, weight: 50 })) };
  expect(shapeOf(weighted)).toBe(shapeOf(graph));
  expect(shapeOf({ ...graph, nodes: graph.nodes.slice(1) })).not.toBe(shapeOf(graph));
});

test("who looks for a resource sees its callers and whom it calls, up to the next nodes", () => {
  const shop: MeshGraph = {
    ...graph,
    nodes: [
      ...graph.nodes,
      { id: "virtualService/db", kind: "virtualService", name: "db" },
      { id: "virtualNode/store", kind: "virtualNode", name: "store" },
      { id: "virtualService/mail", kind: "virtualService", name: "mail" },
    ],
    edges: [
      ...graph.edges,
      edge("virtualNode/green", "virtualService/db"),
      edge("virtualService/db", "virtualNode/store"),
      edge("virtualNode/store", "virtualService/mail"),
    ],
  };
  expect(around(shop, "")).toBe(shop);
  expect(around(shop, "GREEN").nodes.map((one) => one.id)).toEqual([
    "virtualGateway/edge",
    "virtualService/web",
    "route/r/web",
    "virtualNode/blue",
    "virtualNode/green",
    "virtualService/db",
    "virtualNode/store",
  ]);
  const found = around(shop, "db");
  expect(found.nodes.map((one) => one.id)).toEqual([
    "virtualNode/green",
    "virtualService/db",
    "virtualNode/store",
  ]);
  expect(found.edges).toHaveLength(2);
  expect(around(shop, "nothing").nodes).toEqual([]);
});
