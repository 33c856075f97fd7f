/** A resource as it was sent, the Envoy resources made from it, and who has acknowledged them. */

import { control } from "../../data/state";
import type { GraphNode } from "../../data/wire";
import { Trouble, useAsked } from "../../parts/asking";
import { moment, number, t, word } from "../../text";

interface Answer {
  version?: number;
  createdAt?: number;
  updatedAt?: number;
  spec: string;
  envoyResources: { type: string; name: string; envoys: string[]; content: string }[];
  acknowledged: string[];
  lagging: string[];
}

/** What GetResource takes: routes and gateway routes are named with their parent. */
export function asked(mesh: string, node: GraphNode): object {
  const parts = node.id.split("/");
  const name = parts.at(-1) ?? node.name;
  const input = { mesh, kind: node.kind, name: parts.length > 2 ? name : parts.slice(1).join("/") };
  return parts.length > 2 ? { ...input, parent: parts.slice(1, -1).join("/") } : input;
}

export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

export function Resource(props: { mesh: string; node: GraphNode; close: () => void }) {
  const { mesh, node, close } = props;
  const { answer, error } = useAsked<Answer>(
    "GetResource",
    asked(mesh, node),
    control.value?.revision,
  );
  return (
    <aside class="card resource" aria-labelledby="resource">
      <div class="head">
        <h2 id="resource">
          <span class="muted">{word("kind", node.kind)}</span> {node.name}
        </h2>
        <button type="button" class="small" onClick={close}>
          {t("close")}
        </button>
      </div>
      {node.detail && (
        <p class="muted" lang="en">
          {node.detail}
        </p>
      )}
      <Trouble error={error} />
      {answer && (
        <>
          <p>
            {answer.version !== undefined && t("resource.version", { n: answer.version })}{" "}
            {answer.updatedAt !== undefined && moment(answer.updatedAt)}
          </p>
          <p>
            {t("resource.acknowledged", {
              n: number(answer.acknowledged.length),
              all: number(answer.acknowledged.length + answer.lagging.length),
            })}
          </p>
          {answer.lagging.length > 0 && <p class="warn">◌ {answer.lagging.join(", ")}</p>}
          <h3>{t("resource.spec")}</h3>
          <Json text={answer.spec} />
          <h3>{t("resource.envoy", { n: answer.envoyResources.length })}</h3>
          {answer.envoyResources.map((one) => (
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
      )}
    </aside>
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
