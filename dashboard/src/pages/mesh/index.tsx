/** The mesh as a graph with live rates, and each resource on a click. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { convergence } from "../../data/convergence";
import { seen, shelves } from "../../data/state";
import type { GraphEdge, GraphNode, MeshGraph } from "../../data/wire";
import { Converged } from "../../parts/converged";
import { Empty } from "../../parts/marks";
import { link, query, route } from "../../router";
import { percent, rate, t, word } from "../../text";
import { edgeKey, type Flow, flows, width } from "./flows";
import { Resource } from "./resource";

type Layout = typeof import("./layout");

export function MeshPage({ name }: { name: string | undefined }) {
  const meshes = Object.values(shelves.mesh.value).sort((a, b) => a.name.localeCompare(b.name));
  const graph = name === undefined ? meshes[0] : shelves.mesh.value[name];
  const [layout, load] = useState<Layout | null>(null);
  useEffect(() => {
    void import("./layout").then(load);
  }, []);
  if (graph === undefined) {
    return (
      <>
        <h1>{t("nav.mesh")}</h1>
        {seen.value && (
          <Empty title={t("mesh.none")}>
            <pre>
              <code>teal apply</code>
            </pre>
          </Empty>
        )}
      </>
    );
  }
  const id = route.value.query.get("node");
  const moving = flows(graph, shelves.edges.value);
  const chosen = graph.nodes.find((node) => node.id === id);
  return (
    <>
      <h1>{t("mesh.title", { mesh: graph.name })}</h1>
      {meshes.length > 1 && (
        <nav class="tabs" aria-label={t("column.mesh")}>
          {meshes.map((one) => (
            <a
              key={one.name}
              href={link("mesh", one.name)}
              aria-current={one.name === graph.name ? "page" : undefined}
            >
              {one.name}
            </a>
          ))}
        </nav>
      )}
      <p class="muted">
        <Converged {...convergence(Object.values(shelves.envoys.value), graph.name)} />{" "}
        {t("mesh.how")}
      </p>
      <div class={chosen ? "map with" : "map"}>
        {layout ? (
          <Graph graph={graph} layout={layout} flows={moving} chosen={id} />
        ) : (
          <p>{t("loading")}</p>
        )}
        {chosen && <Resource graph={graph} node={chosen} flows={moving} close={() => query({})} />}
      </div>
    </>
  );
}

function Graph(props: {
  graph: MeshGraph;
  layout: Layout;
  flows: Map<string, Flow>;
  chosen: string | null;
}) {
  const { graph, layout, flows: moving, chosen } = props;
  // The place of everything depends on what there is alone, not on what flows.
  const shape = JSON.stringify([graph.nodes.map((n) => n.id), graph.edges.map(edgeKey)]);
  const placed = useMemo(() => layout.placed(graph), [shape]);
  const most = Math.max(0, ...[...moving.values()].map((flow) => flow.perSecond));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="graph" aria-label={t("mesh.title", { mesh: graph.name })} tabIndex={0}>
      {/* biome-ignore lint/a11y/noSvgWithoutTitle: the section has the name, a title would be a tooltip */}
      <svg
        style={{ width: "100%", maxWidth: placed.width, minWidth: placed.width * 0.6 }}
        viewBox={`0 0 ${placed.width} ${placed.height}`}
      >
        {graph.edges.map((edge) => {
          const way = placed.edges.get(edgeKey(edge));
          const flow = moving.get(edgeKey(edge));
          return (
            way && (
              <Line
                key={edgeKey(edge)}
                edge={edge}
                path={layout.curve(way.points)}
                middle={way.label}
                flow={flow}
                width={width(flow, most)}
              />
            )
          );
        })}
        {graph.nodes.map((node) => {
          const at = placed.nodes.get(node.id);
          return (
            at && (
              <Node
                key={node.id}
                node={node}
                x={at.x - layout.NODE.width / 2}
                y={at.y - layout.NODE.height / 2}
                size={layout.NODE}
                chosen={node.id === chosen}
              />
            )
          );
        })}
      </svg>
    </section>
  );
}

function Line(props: {
  edge: GraphEdge;
  path: string;
  middle: { x: number; y: number };
  flow: Flow | undefined;
  width: number;
}) {
  const { edge, path, middle, flow } = props;
  const failing = flow !== undefined && flow.errorsPerSecond > 0;
  const share = edge.share === undefined ? "" : percent(edge.share, 0);
  const moving = flow && flow.perSecond > 0 ? t("mesh.rate", { n: rate(flow.perSecond) }) : "";
  const errors = failing ? ` ✖ ${percent(flow.errorsPerSecond / flow.perSecond)}` : "";
  return (
    <g class={`edge ${edge.kind} ${moving ? "" : "idle"} ${failing ? "bad" : ""}`}>
      <path d={path} stroke-width={props.width} fill="none" />
      {(share || moving) && edge.kind !== "leads" && (
        <text x={middle.x} y={middle.y - 5} text-anchor="middle">
          {[share, moving].filter(Boolean).join(" · ")}
          {errors}
        </text>
      )}
    </g>
  );
}

function Node(props: {
  node: GraphNode;
  x: number;
  y: number;
  size: { width: number; height: number };
  chosen: boolean;
}) {
  const { node, x, y, size, chosen } = props;
  const shape = node.side === "blue" ? "■ " : node.side === "green" ? "▲ " : "";
  const open = () => query({ node: node.id });
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no button
    <g
      class={`node ${node.kind} ${node.side ?? ""} ${chosen ? "chosen" : ""}`}
      transform={`translate(${x} ${y})`}
      role="button"
      tabindex={0}
      aria-pressed={chosen}
      onClick={open}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        open();
      }}
    >
      <rect width={size.width} height={size.height} rx="6" />
      <text class="kind" x="10" y="17">
        {word("kind", node.kind)}{" "}
      </text>
      <text class="name" x="10" y="35">
        {`${shape}${short(node.name, 20)} `}
      </text>
      <text class="kind" x={size.width - 10} y="17" text-anchor="end">
        {node.detail && short(node.detail, 12)}
      </text>
    </g>
  );
}

function short(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
