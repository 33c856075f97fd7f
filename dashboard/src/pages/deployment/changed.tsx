/** What a deployment changes: images, task definitions, by whom and how; and its evidence. */

import { useState } from "preact/hooks";
import { call, why } from "../../data/api";
import type { DefinitionChange, Deployment } from "../../data/wire";
import { Trouble, useAsked } from "../../parts/asking";
import { SideMark } from "../../parts/marks";
import { moment, t } from "../../text";
import { told } from "../../text/said";

/** Its name, with its steps. */
export function strategy(deployment: Deployment): string {
  return `${deployment.strategy ?? "–"} ${(deployment.steps ?? []).join(" → ")} %`;
}

export function Changed({ deployment }: { deployment: Deployment }) {
  const rows: [string, string | undefined][] = [
    [t("changed.strategy"), strategy(deployment)],
    [t("changed.by"), deployment.startedBy],
    [t("changed.ended"), deployment.endedBy],
    [t("changed.started"), moment(deployment.createdAt)],
    [t("changed.finished"), deployment.finishedAt ? moment(deployment.finishedAt) : undefined],
    [t("changed.serves"), deployment.serves && told(deployment.serves, deployment.said)],
    [t("changed.id"), deployment.deploymentId],
  ];
  return (
    <section class="card" aria-labelledby="changed">
      <h2 id="changed">{t("changed.title")}</h2>
      <dl class="facts">
        <dt>{t("changed.image")}</dt>
        <dd>
          <SideMark side={deployment.oldSide ?? "?"} /> <code>{deployment.oldImage ?? "–"}</code>
          <br />
          <SideMark side={deployment.newSide ?? "?"} /> <code>{deployment.newImage ?? "–"}</code>
        </dd>
        {rows.map(
          ([name, text]) =>
            text && (
              <>
                <dt>{name}</dt>
                <dd>{text}</dd>
              </>
            ),
        )}
      </dl>
      <Definition deployment={deployment} />
      <Bundle deployment={deployment} />
    </section>
  );
}

/** Gives the evidence bundle to the browser as a file. */
function Bundle({ deployment }: { deployment: Deployment }) {
  const [error, setError] = useState<string>();
  const { service, deploymentId } = deployment;
  const save = async () => {
    try {
      const { bundle } = await call<{ bundle: string }>("GetEvidence", { service, deploymentId });
      const place = URL.createObjectURL(new Blob([bundle], { type: "application/json" }));
      const anchor = document.createElement("a");
      anchor.href = place;
      anchor.download = `${service}-${deploymentId.slice(0, 8)}-evidence.json`;
      anchor.click();
      setTimeout(() => URL.revokeObjectURL(place), 10_000);
      setError(undefined);
    } catch (refused) {
      setError(why(refused as Error));
    }
  };
  return (
    <>
      <div class="buttons">
        <button type="button" onClick={save}>
          {t("changed.evidence")}
        </button>
      </div>
      <Trouble error={error} />
    </>
  );
}

/** How the task definitions of both sides differ, but for the image, which is told above. */
function Definition({ deployment }: { deployment: Deployment }) {
  const { service, deploymentId, phase, status } = deployment;
  const { answer, error } = useAsked<{ definition?: DefinitionChange }>(
    "Explain",
    { service, deploymentId },
    phase,
    status,
  );
  const found = answer?.definition;
  if (found === undefined) return <Trouble error={error} />;
  const name = (arn: string | undefined) => arn?.split("/").at(-1) ?? "–";
  const others = found.differences?.filter(
    (one) => !(one.what.endsWith(".image") && one.after === JSON.stringify(deployment.newImage)),
  );
  return (
    <>
      <h3>{t("changed.definition")}</h3>
      <p class="muted">
        <code>{name(found.old)}</code> → <code>{name(found.new)}</code>
      </p>
      {others === undefined && (
        <p class="muted">{found.new ? t("changed.forgotten") : t("changed.coming")}</p>
      )}
      {others?.length === 0 && <p class="muted">{t("changed.same")}</p>}
      {others !== undefined && others.length > 0 && (
        <dl class="differences">
          {others.map((one) => (
            <div key={one.what}>
              <dt>
                <code>{one.what}</code>
              </dt>
              {one.before !== undefined && (
                <Value way="before" said={t("changed.before")} text={one.before} />
              )}
              {one.after !== undefined && (
                <Value way="after" said={t("changed.after")} text={one.after} />
              )}
            </div>
          ))}
        </dl>
      )}
    </>
  );
}

function Value({ way, said, text }: { way: "before" | "after"; said: string; text: string }) {
  return (
    <dd class={way}>
      <span aria-hidden="true">{way === "before" ? "−" : "+"} </span>
      <span class="visually-hidden">{said} </span>
      <code>{text}</code>
    </dd>
  );
}
