/** A deployment: what state, why, what next, when at the latest; and everything behind it. */

import { useState } from "preact/hooks";
import { call } from "../../data/api";
import { mayAct } from "../../data/session";
import { now, shelves } from "../../data/state";
import type { Deployment, Envoy, JournalEntry } from "../../data/wire";
import { Trouble, useAsked, useTick } from "../../parts/asking";
import { Confirm, type Order } from "../../parts/confirm";
import { Empty, Image, SideMark, StateMark } from "../../parts/marks";
import { Tasks } from "../../parts/tasks";
import { link } from "../../router";
import { clock, duration, moment, number, t, word } from "../../text";
import { Gates } from "./gates";
import { type Action, actions, DANGEROUS, operation } from "./orders";
import { Track } from "./steps";
import { isOver } from "./track";
import { Callers, Traffic, useWindows } from "./traffic";

interface Explained {
  deployment: Deployment;
  sentence: string;
  doing: string;
  why: string;
  following: string;
  latest: string;
  latestAt?: number;
}

/** The deployment as the stream has it, or asked for once it is over: the stream drops what was measured then. */
function useDeployment(service: string, id: string): { found?: Deployment; error?: string } {
  const live = shelves.deployments.value[id];
  const runs = live !== undefined && !isOver(live);
  const asked = useAsked<Explained>("Explain", runs ? null : { service, deploymentId: id });
  if (runs || asked.answer?.deployment.deploymentId !== id)
    return live ? { found: live } : { error: asked.error };
  const { deployment, sentence, doing, why, following, latest, latestAt } = asked.answer;
  return { found: { ...deployment, sentence, doing, why, following, latest, latestAt } };
}

export function DeploymentPage({ service, id }: { service: string; id: string }) {
  const { found, error } = useDeployment(service, id);
  const { windows, error: unmeasured } = useWindows(found);
  if (found === undefined) {
    return error ? (
      <Empty title={t("deployment.unknown")}>
        <p lang="en">{error}</p>
        <p>
          <a href={link("history", service)}>{t("deployment.others", { service })}</a>
        </p>
      </Empty>
    ) : (
      <p class="muted">{t("loading")}</p>
    );
  }
  return (
    <article class="deployment">
      <Head deployment={found} />
      <Track deployment={found} />
      <Trouble error={unmeasured} />
      <div class="columns">
        <Gates deployment={found} windows={windows} />
        <Traffic deployment={found} windows={windows} />
      </div>
      <div class="columns">
        <Callers deployment={found} />
        <Envoys mesh={found.mesh} />
      </div>
      <TasksOf deployment={found} />
      <div class="columns">
        <Changed deployment={found} />
        <Journal deployment={found} />
      </div>
    </article>
  );
}

function Head({ deployment }: { deployment: Deployment }) {
  const over = isOver(deployment);
  const end = deployment.finishedAt ?? now.value;
  return (
    <header class="lead">
      <p class="crumbs">
        <a href={link("services", deployment.service)}>{deployment.service}</a>
        <span aria-hidden="true"> / </span>
        <a href={link("history", deployment.service)}>{t("history.title")}</a>
        <span aria-hidden="true"> / </span>#{deployment.number ?? "?"}
      </p>
      <h1>
        {deployment.service}: <Image name={deployment.oldImage} /> →{" "}
        <Image name={deployment.newImage} />
      </h1>
      <p class="standing">
        <StateMark state={state(deployment)} />
        <span>{t("deployment.took", { time: duration(end - deployment.createdAt) })}</span>
        {deployment.actor && <span>{t("deployment.by", { who: deployment.actor })}</span>}
        {deployment.pausedBy && <span>{t("deployment.paused", { who: deployment.pausedBy })}</span>}
        {!over && deployment.latestAt !== undefined && (
          <span title={deployment.latest}>
            {t("deployment.latest", { time: duration(deployment.latestAt - now.value) })}
          </span>
        )}
        {deployment.group && <span>{t("deployment.group", { group: deployment.group })}</span>}
      </p>
      <p class="sentence" lang="en">
        {deployment.sentence ?? deployment.waitingFor ?? ""}
      </p>
      {over && deployment.reason && (
        <p class="reason" lang="en">
          {deployment.reason}
        </p>
      )}
      <Actions deployment={deployment} />
    </header>
  );
}

function state(deployment: Deployment): string {
  if (deployment.status !== "IN_PROGRESS") return deployment.status;
  if (deployment.state === "HELD") return "held";
  if (deployment.state === "AWAITING_APPROVAL") return "awaiting approval";
  return deployment.pausedBy ? "paused" : deployment.status;
}

function Actions({ deployment }: { deployment: Deployment }) {
  const [order, setOrder] = useState<Order | null>(null);
  const latest = deployment.deploymentId in shelves.deployments.value;
  const offered = actions(deployment, latest);
  const names = {
    service: deployment.service,
    old: deployment.oldSide ?? "?",
    new: deployment.newSide ?? "?",
    image: deployment.newImage ?? "?",
    before: deployment.oldImage ?? "?",
  };
  const ask = (action: Action) => {
    const [name, input] = operation(action, deployment);
    setOrder({
      title: word("action", action),
      what:
        t(`will.${action}`, names) +
        (deployment.group ? ` ${t("will.group", { group: deployment.group })}` : ""),
      operation: name,
      input,
      dangerous: DANGEROUS.has(action),
    });
  };
  if (offered.length === 0) return null;
  if (!mayAct()) return <p class="muted">{t("actions.viewer")}</p>;
  return (
    <fieldset class="buttons">
      <legend class="visually-hidden">{t("actions.title")}</legend>
      {offered.map((action, index) => (
        <button
          type="button"
          key={action}
          class={DANGEROUS.has(action) ? "danger" : index === 0 ? "primary" : ""}
          onClick={() => ask(action)}
        >
          {word("action", action)}
        </button>
      ))}
      {order && <Confirm order={order} close={() => setOrder(null)} />}
    </fieldset>
  );
}

function Envoys({ mesh }: { mesh: string }) {
  const all = Object.values(shelves.envoys.value).filter((one) => one.mesh === mesh);
  const lagging = all.filter((one) => !one.current || !one.connected);
  return (
    <section class="card" aria-labelledby="envoys">
      <h2 id="envoys">{t("envoys.title")}</h2>
      <p>
        {t("envoys.acknowledged", {
          n: number(all.length - lagging.length),
          all: number(all.length),
          mesh,
        })}
      </p>
      {lagging.length > 0 && (
        <ul class="plain">
          {lagging.map((one) => (
            <Lagging key={`${one.mesh}/${one.id}`} envoy={one} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Lagging({ envoy }: { envoy: Envoy }) {
  const why = envoy.message
    ? `✖ ${t("envoy.rejects")}: ${envoy.message}`
    : envoy.connected
      ? `◌ ${t("envoy.lags", { revision: envoy.revision ?? 0 })}`
      : `▲ ${t("envoy.gone")}`;
  const more = envoy.note ? ` (${envoy.note})` : "";
  return (
    <li>
      <code title={envoy.id}>{envoy.resource.split("/").slice(2).join("/")}</code>{" "}
      <span class={envoy.message ? "bad" : "warn"}>
        {why}
        {more}
      </span>
    </li>
  );
}

function TasksOf({ deployment }: { deployment: Deployment }) {
  const tasks = Object.values(shelves.tasks.value).filter(
    (one) => one.service === deployment.service,
  );
  return (
    <section class="card" aria-labelledby="tasks">
      <h2 id="tasks">{t("tasks.title")}</h2>
      {tasks.length === 0 ? (
        <p class="muted">{t("tasks.none")}</p>
      ) : (
        <Tasks tasks={tasks} label={t("tasks.title")} />
      )}
    </section>
  );
}

function Changed({ deployment }: { deployment: Deployment }) {
  const rows: [string, string | undefined][] = [
    [
      t("changed.strategy"),
      `${deployment.strategy ?? "–"} ${(deployment.steps ?? []).join(" → ")} %`,
    ],
    [t("changed.by"), deployment.actor],
    [t("changed.started"), moment(deployment.createdAt)],
    [t("changed.finished"), deployment.finishedAt ? moment(deployment.finishedAt) : undefined],
    [t("changed.serves"), deployment.serves],
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
      setError((refused as Error).message);
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

function Journal({ deployment }: { deployment: Deployment }) {
  const { service, deploymentId, state: at, updatedAt } = deployment;
  const tick = useTick(5, !isOver(deployment));
  const { answer, error } = useAsked<{ entries: JournalEntry[] }>(
    "ListJournal",
    { service, deploymentId },
    at,
    updatedAt,
    tick,
  );
  const entries = [...(answer?.entries ?? [])].reverse();
  return (
    <section class="card" aria-labelledby="journal">
      <h2 id="journal">{t("journal.title")}</h2>
      <Trouble error={error} />
      <ol class="journal">
        {entries.map((one) => (
          <li key={one.sequence}>
            <time dateTime={new Date(one.at * 1000).toISOString()} title={moment(one.at)}>
              {clock(one.at)}
            </time>
            <span>
              <b>{one.transition.toLowerCase().replaceAll("_", " ")}</b>{" "}
              <span lang="en">{one.message}</span>
              {one.by && <span class="muted"> {t("journal.by", { who: one.by })}</span>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
