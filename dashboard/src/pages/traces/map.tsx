/** The map of services that traces make: who calls whom, drawn and in numbers. */

import type { MeshGraph } from "../../data/wire";
import { Trouble, useAsked, useTick } from "../../parts/asking";
import { Column, Table } from "../../parts/marks";
import { latency, number, t, word } from "../../text";
import { width } from "../mesh/flows";
import { edgeKey, NODE } from "../mesh/placed";
import { usePlaces } from "../mesh/placing";
import { failures } from "./bars";
import { NoTraces } from "./index";
import type { MapEdge, MapNode, ServiceMap } from "./wire";

const SECONDS = 5;

export function ServiceMapPage() {
  const { answer, error } = useAsked<ServiceMap>("GetServiceMap", {}, useTick(SECONDS));
  if (answer && answer.traces === 0) return <NoTraces />;
  return (
    <>
      <Trouble error={error} />
      {answer && (
        <div class="map">
          <Graph map={answer} />
          <Numbers map={answer} />
          <p class="muted">{t("map.of", { n: number(answer.traces) })}</p>
        </div>
      )}
    </>
  );
}

/** As the map of a mesh is laid out: from the left, whoever calls, to the right. */
function graphOf(map: ServiceMap): MeshGraph {
  return {
    name: "traces",
    nodes: map.nodes.map(({ id, name }) => ({ id, name, kind: "virtualService" as const })),
    edges: map.edges.map(({ source, target }) => ({ source, target, kind: "uses" as const })),
  };
}

function Graph({ map }: { map: ServiceMap }) {
  const { placed, error } = usePlaces(graphOf(map));
  if (placed === undefined) return error ? <Trouble error={error} /> : <p>{t("loading")}</p>;
  const most = Math.max(0, ...map.edges.map((edge) => edge.requests));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="graph" aria-label={t("traces.map")} tabIndex={0}>
      {/* biome-ignore lint/a11y/noSvgWithoutTitle: the section has the name, a title would be a tooltip */}
      <svg
        style={{ width: "100%", maxWidth: placed.width, minWidth: placed.width * 0.6 }}
        viewBox={`0 0 ${placed.width} ${placed.height}`}
      >
        {map.edges.map((edge) => {
          const way = placed.edges.get(edgeKey(edge));
          const flow = { perSecond: edge.requests, errorsPerSecond: failures(edge) };
          return (
            way && (
              <Line
                key={edgeKey(edge)}
                edge={edge}
                path={way.curve}
                at={way.label}
                wide={width(flow, most)}
              />
            )
          );
        })}
        {map.nodes.map((node) => {
          const at = placed.nodes.get(node.id);
          return at && <Place key={node.id} node={node} at={at} size={NODE} />;
        })}
      </svg>
    </section>
  );
}

function Line(props: { edge: MapEdge; path: string; at: { x: number; y: number }; wide: number }) {
  const { edge, path, at, wide } = props;
  const bad = failures(edge);
  return (
    <g class={`edge ${bad > 0 ? "bad" : ""}`}>
      <path d={path} stroke-width={wide} fill="none" />
      <text x={at.x} y={at.y - 5} text-anchor="middle">
        {t("map.requests", { n: number(edge.requests) })}
        {bad > 0 && ` ✖ ${number(bad)}`}
      </text>
    </g>
  );
}

/** A service is a link to its traces. */
function Place(props: {
  node: MapNode;
  at: { x: number; y: number };
  size: { width: number; height: number };
}) {
  const { node, at, size } = props;
  const name = node.kind === "client" ? t("map.client") : node.name;
  const short = name.length > 20 ? `${name.slice(0, 19)}…` : name;
  const drawn = (
    <g
      class={`node ${node.kind}`}
      transform={`translate(${at.x - size.width / 2} ${at.y - size.height / 2})`}
    >
      <rect width={size.width} height={size.height} rx="6" />
      <text class="kind" x="10" y="17">
        {node.kind === "client" ? "" : `${word("map", node.kind)} `}
      </text>
      <text class="name" x="10" y={node.kind === "client" ? 28 : 35}>
        {`${short} `}
      </text>
      <text class="kind" x={size.width - 10} y="17" text-anchor="end">
        {node.p99 !== undefined && `p99 ${latency(node.p99)}`}
      </text>
    </g>
  );
  if (node.kind !== "service") return drawn;
  return <a href={`#/traces?${new URLSearchParams({ service: node.name })}`}>{drawn}</a>;
}

function Numbers({ map }: { map: ServiceMap }) {
  const names = new Map(
    map.nodes.map((one) => [one.id, one.kind === "client" ? t("map.client") : one.name]),
  );
  return (
    <Table
      label={t("traces.map")}
      head={
        <>
          <Column>{t("map.from")}</Column>
          <Column>{t("map.to")}</Column>
          <Column kind="n">{t("column.requests")}</Column>
          <Column kind="n">{t("column.failures")}</Column>
          <Column kind="n">{t("column.p50")}</Column>
          <Column kind="n">{t("column.p99")}</Column>
        </>
      }
    >
      {map.edges.map((edge) => (
        <tr key={edgeKey(edge)} class="first">
          <td data-label={t("map.from")}>{names.get(edge.source)}</td>
          <td data-label={t("map.to")}>{names.get(edge.target)}</td>
          <td class="n" data-label={t("column.requests")}>
            {number(edge.requests)}
          </td>
          <td class={failures(edge) > 0 ? "n bad" : "n"} data-label={t("column.failures")}>
            {number(failures(edge))}
          </td>
          <td class="n" data-label={t("column.p50")}>
            {latency(edge.p50)}
          </td>
          <td class="n" data-label={t("column.p99")}>
            {latency(edge.p99)}
          </td>
        </tr>
      ))}
    </Table>
  );
}
