/** The drawing of a mesh. With hundreds of nodes, only what changed is drawn anew each second. */

import type { GraphNode, MeshGraph } from "../../data/wire";
import { still } from "../../parts/still";
import { percent, rate, t, word } from "../../text";
import { type Flow, width } from "./flows";
import { edgeKey, NODE, type Placed } from "./placed";

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
              moving={flow && flow.perSecond > 0 ? t("mesh.rate", { n: rate(flow.perSecond) }) : ""}
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
        {graph.nodes.map((node) => {
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
        <text x={x} y={y - 5} text-anchor="middle">
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
