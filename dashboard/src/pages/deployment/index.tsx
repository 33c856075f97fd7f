/** A deployment: what state, why, what next, when at the latest; and everything behind it. */

import { now, shelves } from "../../data/state";
import type { Deployment, Envoy } from "../../data/wire";
import { Actions } from "../../parts/actions";
import { Trouble, useAsked } from "../../parts/asking";
import { orders } from "../../parts/confirm";
import { Empty, Image, outcome, StateMark } from "../../parts/marks";
import { Tasks } from "../../parts/tasks";
import { Told } from "../../parts/told";
import { link } from "../../router";
import { duration, number, percent, t, word } from "../../text";
import { type Makings, told } from "../../text/said";
import { Changed } from "./changed";
import { Gates, verdicts } from "./gates";
import { Journal } from "./journal";
import { type Action, actions, DANGEROUS, operation, together } from "./orders";
import { Track } from "./steps";
import { isOver } from "./track";
import { Callers, Traffic, useWindows } from "./traffic";

const FEW_GATES = 4;

interface Explained {
  deployment: Deployment;
  sentence: string;
  doing: string;
  why: string;
  following: string;
  latest: string;
  latestAt?: number;
  said?: Makings;
}

/** The deployment as the stream has it, or asked for: once it is over, since the stream drops what
 * was measured then, and after an order, until the stream knows as much. */
function useDeployment(service: string, id: string): { found?: Deployment; error?: string } {
  const live = shelves.deployments.value[id];
  const runs = live !== undefined && !isOver(live);
  const given = orders.value;
  const asked = useAsked<Explained>(
    "Explain",
    runs && given === 0 ? null : { service, deploymentId: id },
    given,
    runs,
  );
  const answer = asked.answer;
  if (answer?.deployment.deploymentId !== id)
    return live ? { found: live } : { error: asked.error };
  if (runs && (live.updatedAt ?? 0) >= (answer.deployment.updatedAt ?? 0)) return { found: live };
  const { deployment, sentence, doing, why, following, latest, latestAt, said } = answer;
  const measured = live?.measured;
  return {
    found: { ...deployment, measured, sentence, doing, why, following, latest, latestAt, said },
  };
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
  // Both columns end at about the same height.
  const few = verdicts(found).length < FEW_GATES;
  return (
    <article class="deployment">
      <Head deployment={found} />
      <Track deployment={found} />
      <Trouble error={unmeasured} />
      <div class="columns">
        <div>
          <Gates deployment={found} windows={windows} />
          {few && <Envoys mesh={found.mesh} />}
        </div>
        <div>
          <Traffic deployment={found} windows={windows} />
          <Callers deployment={found} />
          {!few && <Envoys mesh={found.mesh} />}
        </div>
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
        {deployment.startedBy && <span>{t("deployment.by", { who: deployment.startedBy })}</span>}
        {over && deployment.endedBy && (
          <span>{t("deployment.ended", { who: deployment.endedBy })}</span>
        )}
        {deployment.pausedBy && <span>{t("deployment.paused", { who: deployment.pausedBy })}</span>}
        {!over && deployment.latestAt !== undefined && (
          <span title={told(deployment.latest ?? "", deployment.said)}>
            {t("deployment.latest", { time: duration(deployment.latestAt - now.value) })}
          </span>
        )}
        {deployment.group && (
          <a href={link("groups", deployment.group)}>
            {t("overview.group", { group: deployment.group })}
          </a>
        )}
      </p>
      {/* Whoever hears the page is told when it goes on; the sentence changes each second. */}
      <p class="visually-hidden" aria-live="polite">
        {heard(deployment)}
      </p>
      <p class="sentence">
        <Told text={deployment.sentence ?? deployment.waitingFor ?? ""} by={deployment} />
      </p>
      {over && deployment.reason && !deployment.sentence?.includes(deployment.reason) && (
        <p class="reason">
          <Told text={deployment.reason} by={deployment} />
        </p>
      )}
      <Steer deployment={deployment} />
    </header>
  );
}

function state(deployment: Deployment): string {
  if (deployment.status !== "IN_PROGRESS") return outcome(deployment);
  if (deployment.state === "HELD") return "held";
  if (deployment.state === "AWAITING_APPROVAL") return "awaiting approval";
  return deployment.pausedBy ? "paused" : deployment.status;
}

/** The state and the step, for those who hear the page. */
function heard(deployment: Deployment): string {
  const steps = deployment.steps ?? [];
  const at = steps[deployment.step ?? 0];
  const moves = deployment.phase === "PRODUCTION_TRAFFIC_SHIFT" && at !== undefined;
  const step = moves ? `, ${percent(at / 100, 0)}` : "";
  return `${deployment.service}: ${word("state", state(deployment))}${step}`;
}

function Steer({ deployment }: { deployment: Deployment }) {
  const latest = deployment.deploymentId in shelves.deployments.value;
  const names = {
    service: deployment.service,
    old: deployment.oldSide ?? "?",
    new: deployment.newSide ?? "?",
    image: deployment.newImage ?? "?",
    before: deployment.oldImage ?? "?",
  };
  const order = (action: Action) => {
    const [name, input] = operation(action, deployment);
    const group = together(action, deployment) ? (deployment.group ?? "") : "";
    const all = group && ` ${t("will.group", { group })}`;
    return { what: t(`will.${action}`, names) + all, operation: name, input };
  };
  return <Actions offered={actions(deployment, latest)} dangerous={DANGEROUS} order={order} />;
}

function Envoys({ mesh }: { mesh: string }) {
  const all = Object.values(shelves.envoys.value).filter((one) => one.mesh === mesh);
  const lagging = all.filter((one) => !one.current || !one.connected);
  return (
    <section class="card" aria-labelledby="envoys">
      <h2 id="envoys">{t("envoys.title")}</h2>
      <p>
        {all.length === 0
          ? t("envoys.none", { mesh })
          : t("envoys.acknowledged", {
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
    ? `✖ ${t("envoy.rejects")}: `
    : envoy.connected
      ? `◌ ${t("envoy.lags", { revision: envoy.revision ?? 0 })}`
      : `▲ ${t("envoy.gone")}`;
  return (
    <li>
      <code title={envoy.id}>{envoy.resource.split("/").slice(2).join("/")}</code>{" "}
      <span class={envoy.message ? "bad" : "warn"}>
        {why}
        {envoy.message && <q lang="en">{envoy.message}</q>}
        {envoy.note && (
          <>
            {" "}
            (<Told text={envoy.note} by={envoy} />)
          </>
        )}
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
