/** A resource of the map: what flows to and from it, and the Envoys that stand for it. */

import { shelves } from "../../data/state";
import type { Envoy, GraphNode, MeshGraph } from "../../data/wire";
import { EnvoyMark } from "../../parts/marks";
import { link } from "../../router";
import { percent, rate, t, word } from "../../text";
import type { Flow } from "./flows";
import { edgeKey } from "./placed";
import { Sent } from "./sent";

interface Props {
  graph: MeshGraph;
  node: GraphNode;
  flows: Map<string, Flow>;
  /** Choose another resource, or none. */
  choose: (id?: string) => void;
}

/** The Envoys of the node: their resource is named mesh/MESH/KIND/NAME. */
export function envoysOf(envoys: Iterable<Envoy>, mesh: string, node: GraphNode): Envoy[] {
  return [...envoys].filter(
    (one) => one.mesh === mesh && one.resource === `mesh/${mesh}/${node.id}`,
  );
}

export function Resource({ graph, node, flows, choose }: Props) {
  const envoys = envoysOf(Object.values(shelves.envoys.value), graph.name, node);
  return (
    <aside class="card resource" aria-labelledby="resource">
      <div class="head">
        <h2 id="resource">
          <span class="muted">{word("kind", node.kind)}</span> {node.name}
        </h2>
        <button type="button" class="small" onClick={() => choose()}>
          {t("close")}
        </button>
      </div>
      {node.detail && <p class="muted">{node.detail}</p>}
      {node.service && (
        <p>
          <a href={link("services", node.service)}>{node.service}</a>
        </p>
      )}
      <Flows title={t("resource.from")} {...{ graph, flows, node, choose }} way="source" />
      <Flows title={t("resource.to")} {...{ graph, flows, node, choose }} way="target" />
      {envoys.length > 0 && (
        <>
          <h3>{t("envoys.title")}</h3>
          <ul class="plain">
            {envoys.map((one) => (
              <li key={one.id}>
                <code title={one.id}>{one.id.split("/").at(-1)?.slice(0, 8)}</code>{" "}
                <EnvoyMark envoy={one} />
                {one.message && (
                  <span class="bad" lang="en">
                    {" "}
                    {one.message}
                  </span>
                )}
              </li>
            ))}
          </ul>
        </>
      )}
      <Sent mesh={graph.name} node={node} />
    </aside>
  );
}

function Flows(props: {
  title: string;
  graph: MeshGraph;
  flows: Map<string, Flow>;
  node: GraphNode;
  way: "source" | "target";
  choose: (id?: string) => void;
}) {
  const { title, graph, flows, node, way, choose } = props;
  const here = way === "source" ? "target" : "source";
  const edges = graph.edges.filter((edge) => edge[here] === node.id);
  if (edges.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul class="plain">
        {edges.map((edge) => {
          const flow = flows.get(edgeKey(edge));
          const other = graph.nodes.find((one) => one.id === edge[way]);
          const parts = [
            edge.share === undefined ? "" : percent(edge.share, 0),
            flow ? t("mesh.rate", { n: rate(flow.perSecond) }) : "",
            flow && flow.errorsPerSecond > 0
              ? `✖ ${percent(flow.errorsPerSecond / flow.perSecond)}`
              : "",
          ].filter(Boolean);
          return (
            <li key={edgeKey(edge)}>
              <button type="button" class="plain" onClick={() => choose(edge[way])}>
                {other ? `${word("kind", other.kind)} ${other.name}` : edge[way]}
              </button>{" "}
              <span class="muted">{parts.join(" · ")}</span>
            </li>
          );
        })}
      </ul>
    </>
  );
}
