/** The mesh as a graph with live rates, and each resource on a click. */

import { useMemo } from "preact/hooks";
import { convergence } from "../../data/convergence";
import { byName } from "../../data/order";
import { seen, shelves } from "../../data/state";
import type { MeshGraph } from "../../data/wire";
import { Trouble } from "../../parts/asking";
import { Converged } from "../../parts/converged";
import { Empty } from "../../parts/marks";
import { link, query, route } from "../../router";
import { number, t } from "../../text";
import { around } from "./around";
import { flows } from "./flows";
import { Graph } from "./graph";
import { usePlaces } from "./placing";
import { Resource } from "./resource";

/** Fewer nodes are seen at a glance. */
const MANY = 30;

export function MeshPage({ name }: { name: string | undefined }) {
  const meshes = Object.values(shelves.mesh.value).sort((a, b) => byName(a.name, b.name));
  const graph = name === undefined ? meshes[0] : shelves.mesh.value[name];
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
      <Drawing key={graph.name} graph={graph} />
    </>
  );
}

/** Choose a resource, or none, and keep what is looked for. */
export function choose(node = ""): void {
  query({ find: route.peek().query.get("find") ?? "", node });
}

/** Choose what was looked for, and go there: the one of that name, or else the first. */
function chooseFirst(graph: MeshGraph, text: string): void {
  const wanted = text.trim().toLowerCase();
  const fitting = graph.nodes.filter((node) => node.name.toLowerCase().includes(wanted));
  const found = fitting.find((node) => node.name.toLowerCase() === wanted) ?? fitting[0];
  if (found === undefined || wanted === "") return;
  choose(found.id);
  const drawn = document.querySelector<SVGElement>(`[data-node="${CSS.escape(found.id)}"]`);
  drawn?.scrollIntoView({ block: "center", inline: "center" });
  drawn?.focus();
}

function Drawing({ graph }: { graph: MeshGraph }) {
  const id = route.value.query.get("node");
  const find = route.value.query.get("find") ?? "";
  const drawn = useMemo(() => around(graph, find), [graph, find]);
  const { placed, old, error } = usePlaces(drawn);
  const moving = flows(graph, shelves.edges.value);
  const chosen = graph.nodes.find((node) => node.id === id);
  return (
    <>
      {(graph.nodes.length > MANY || find) && (
        <search class="search">
          <label>
            <span>{t("mesh.find")}</span>
            <input
              type="search"
              value={find}
              onInput={(event) => query({ find: event.currentTarget.value, node: id ?? "" })}
              onKeyDown={(event) => event.key === "Enter" && chooseFirst(drawn, find)}
            />
          </label>
          <span class="muted" role="status">
            {t("mesh.found", { n: number(drawn.nodes.length), all: number(graph.nodes.length) })}
          </span>
        </search>
      )}
      <Trouble error={error} />
      <div class={chosen ? "map with" : "map"}>
        {placed && drawn.nodes.length > 0 ? (
          <div aria-busy={old}>
            <Graph graph={drawn} placed={placed} flows={moving} chosen={id} choose={choose} />
          </div>
        ) : (
          error === undefined && drawn.nodes.length > 0 && <p class="muted">{t("loading")}</p>
        )}
        {chosen && <Resource graph={graph} node={chosen} flows={moving} choose={choose} />}
      </div>
    </>
  );
}
