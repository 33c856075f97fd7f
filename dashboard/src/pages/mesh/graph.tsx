/** The drawing of a mesh. With hundreds of nodes, only what changed is drawn anew each second. */

import { useEffect, useMemo } from "preact/hooks";
import type { GraphNode, MeshGraph } from "../../data/wire";
import { useGradual } from "../../parts/gradual";
import { still } from "../../parts/still";
import { percent, rate, t, word } from "../../text";
import { type Flow, width } from "./flows";
import { edgeKey, NODE, type Placed } from "./placed";
import { calls, MANY_NODES } from "./rows";
import { useZoom, Zoom } from "./zoom";

/** Nodes that are drawn at once: more than a screen has. */
const FIRST = 60;

interface Props {
  graph: MeshGraph;
  placed: Placed;
  flows: Map<string, Flow>;
  chosen: string | null;
  choose: (id: string) => void;
}

export function Graph({ graph, placed, flows: moving, chosen, choose }: Props) {
  let most = 0;
  for (const flow of moving.values()) most = Math.max(most, flow.perSecond);
  const some = useGradual(graph.nodes.length, FIRST, FIRST);
  const zoom = useZoom(placed.width);
  useEffect(() => {
    if (chosen === null) return;
    // What is told of it takes some of the map's room.
    const drawn = document.querySelector(`[data-node="${CSS.escape(chosen)}"]`);
    drawn?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [chosen]);
  // In rows the calls lead back over everything: those of what is chosen are drawn.
  const all = graph.nodes.length <= MANY_NODES;
  const nodes = useMemo(() => {
    const y = (node: GraphNode) => placed.nodes.get(node.id)?.y ?? 0;
    return all ? graph.nodes : [...graph.nodes].sort((a, b) => y(a) - y(b));
  }, [graph, placed, all]);
  const drawn = new Set<string>();
  for (const node of nodes.slice(0, some)) drawn.add(node.id);
  const edges = graph.edges.filter(
    (edge) =>
      drawn.has(edge.source) &&
      drawn.has(edge.target) &&
      (all || !calls(edge) || edge.source === chosen || edge.target === chosen),
  );
  return (
    <>
      <Zoom zoom={zoom} />
      <section
        class="graph"
        aria-label={t("mesh.title", { mesh: graph.name })}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
        ref={zoom.seen}
        {...zoom.handlers}
      >
        {/* biome-ignore lint/a11y/noSvgWithoutTitle: the section has the name, a title would be a tooltip */}
        <svg style={zoom.style} viewBox={`0 0 ${placed.width} ${placed.height}`}>
          {edges.map((edge) => {
            const way = placed.edges.get(edgeKey(edge));
            if (way === undefined) return null;
            const flow = moving.get(edgeKey(edge));
            const named = edge.kind !== "leads";
            return (
              <Line
                key={edgeKey(edge)}
                kind={edge.kind}
                path={way.curve}
                x={way.label.x}
                y={way.label.y}
                share={named && edge.share !== undefined ? percent(edge.share, 0) : ""}
                moving={
                  flow && flow.perSecond > 0 ? t("mesh.rate", { n: rate(flow.perSecond) }) : ""
                }
                named={named}
                failing={
                  flow && flow.errorsPerSecond > 0
                    ? percent(flow.errorsPerSecond / flow.perSecond)
                    : ""
                }
                width={Math.round(width(flow, most) * 10) / 10}
              />
            );
          })}
          {nodes.slice(0, some).map((node) => {
            const at = placed.nodes.get(node.id);
            return (
              at && (
                <Node
                  key={node.id}
                  node={node}
                  x={at.x - NODE.width / 2}
                  y={at.y - NODE.height / 2}
                  chosen={node.id === chosen}
                  choose={choose}
                  kind={word("kind", node.kind)}
                />
              )
            );
          })}
        </svg>
      </section>
      <p class="muted hint">{t("mesh.lines")}</p>
    </>
  );
}

interface LineProps {
  kind: string;
  path: string;
  x: number;
  y: number;
  share: string;
  moving: string;
  named: boolean;
  failing: string;
  width: number;
}

const Line = still(function Line(props: LineProps) {
  const { kind, path, x, y, share, moving, named, failing } = props;
  return (
    <g class={`edge ${kind} ${moving ? "" : "idle"} ${failing ? "bad" : ""}`}>
      <path d={path} stroke-width={props.width} fill="none" />
      {named && (share || moving) && (
        <text x={x} y={y} text-anchor="middle">
          {[share, moving].filter(Boolean).join(" · ")}
          {failing && ` ✖ ${failing}`}
        </text>
      )}
    </g>
  );
});

interface NodeProps {
  node: GraphNode;
  x: number;
  y: number;
  chosen: boolean;
  choose: (id: string) => void;
  kind: string;
}

const Node = still(function Node({ node, x, y, chosen, choose, kind }: NodeProps) {
  const shape = node.side === "blue" ? "■ " : node.side === "green" ? "▲ " : "";
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no button
    <g
      class={`node ${node.kind} ${node.side ?? ""} ${chosen ? "chosen" : ""}`}
      transform={`translate(${x} ${y})`}
      role="button"
      data-node={node.id}
      tabindex={0}
      aria-pressed={chosen}
      onClick={() => choose(node.id)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose(node.id);
      }}
    >
      <rect width={NODE.width} height={NODE.height} rx="6" />
      <text class="kind" x="10" y="17">
        {kind}{" "}
      </text>
      <text class="name" x="10" y="35">
        {`${shape}${short(node.name, 20)} `}
      </text>
      <text class="kind" x={NODE.width - 10} y="17" text-anchor="end">
        {node.detail && short(node.detail, 12)}
      </text>
    </g>
  );
});

function short(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
