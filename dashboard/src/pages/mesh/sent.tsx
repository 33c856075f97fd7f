/** A resource as it was sent, the Envoy resources made from it, and who has acknowledged them. */

import { convergence } from "../../data/convergence";
import { shelves } from "../../data/state";
import type { GraphNode } from "../../data/wire";
import { Trouble, useAsked, useTick } from "../../parts/asking";
import { moment, number, t } from "../../text";

interface Answer {
  version?: number;
  updatedAt?: number;
  spec: string;
  envoyResources: { type: string; name: string; envoys: string[]; content: string }[];
  acknowledged: string[];
  lagging: string[];
}

/** What GetResource takes: routes and gateway routes are named with their parent. */
export function asked(mesh: string, node: GraphNode): object {
  const [, ...names] = node.id.split("/");
  const nested = node.kind === "route" || node.kind === "gatewayRoute";
  if (!nested) return { mesh, kind: node.kind, name: names.join("/") };
  return { mesh, kind: node.kind, parent: names[0], name: names.slice(1).join("/") };
}

export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

export function Sent({ mesh, node }: { mesh: string; node: GraphNode }) {
  // Another graph or other acknowledgements are news of it; a timeout that changed is in neither.
  const { current, rejecting } = convergence(Object.values(shelves.envoys.value), mesh);
  const { answer, error } = useAsked<Answer>(
    "GetResource",
    asked(mesh, node),
    shelves.mesh.value[mesh],
    current,
    rejecting,
    useTick(10),
  );
  if (answer === undefined) return <Trouble error={error} />;
  const { acknowledged, lagging, envoyResources } = answer;
  return (
    <>
      <Trouble error={error} />
      <h3>{t("resource.spec")}</h3>
      <p class="muted">
        {[
          answer.version !== undefined && t("resource.version", { n: answer.version }),
          answer.updatedAt !== undefined && moment(answer.updatedAt),
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
      <Json text={answer.spec} />
      <h3>{t("resource.envoy", { n: envoyResources.length })}</h3>
      <p>
        {t("resource.acknowledged", {
          n: number(acknowledged.length),
          all: number(acknowledged.length + lagging.length),
        })}
      </p>
      {lagging.length > 0 && <p class="warn">◌ {lagging.join(", ")}</p>}
      {envoyResources.map((one) => (
        <details key={`${one.type} ${one.name} ${one.envoys.join()}`}>
          <summary>
            <code>{one.name}</code>{" "}
            <span class="muted">
              {one.type.split(".").at(-1)} · {t("resource.envoys", { n: one.envoys.length })}
            </span>
          </summary>
          <Json text={one.content} />
        </details>
      ))}
    </>
  );
}

function Json({ text }: { text: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <pre class="logs" tabIndex={0}>
      {pretty(text)}
    </pre>
  );
}
