/** Finished deployments of a service, and two of them beside each other. */

import { useRef, useState } from "preact/hooks";
import { seen, services, shelves } from "../data/state";
import type { Deployment } from "../data/wire";
import { Trouble, useAsked } from "../parts/asking";
import { Column, Empty, Image, outcome, StateMark, Table, Took } from "../parts/marks";
import { NoServices } from "../parts/none";
import { link } from "../router";
import { duration, latency, moment, number, percent, t } from "../text";
import { known, type Makings, told } from "../text/said";
import { strategy } from "./deployment/changed";

/** Of each service, or of the one that is named. */
export function HistoryPage({ service }: { service: string | undefined }) {
  const names = services.value.map((one) => one.name);
  const first = useRef<string | undefined>(undefined);
  // Where the page begins without a name, it stays with what it began with.
  if (seen.value) first.current ??= newest() ?? names[0];
  const chosen = service ?? first.current;
  if (chosen === undefined) {
    return (
      <>
        <h1>{t("history.title")}</h1>
        {seen.value && <NoServices />}
      </>
    );
  }
  return (
    <>
      <h1>{t("history.title")}</h1>
      <Choice services={names} chosen={chosen} />
      <Deployments key={chosen} service={chosen} />
    </>
  );
}

/** The service that was deployed last. */
function newest(): string | undefined {
  const latest = Object.values(shelves.deployments.value);
  return latest.sort((a, b) => b.createdAt - a.createdAt)[0]?.service;
}

const MOST_TABS = 12;

/** What there is a history of, as links; as a list where these would fill the page. */
function Choice({ services, chosen }: { services: string[]; chosen: string }) {
  const groups = Object.keys(shelves.groups.value).sort();
  const group = (name: string) => t("overview.group", { group: name });
  if (services.length + groups.length > MOST_TABS) {
    return (
      <p>
        <label>
          {t("column.service")}{" "}
          <select
            class="choice"
            value={link("history", chosen)}
            onChange={(event) => {
              location.hash = event.currentTarget.value;
            }}
          >
            {services.map((name) => (
              <option key={name} value={link("history", name)}>
                {name}
              </option>
            ))}
            {groups.map((name) => (
              <option key={`group ${name}`} value={link("groups", name)}>
                {group(name)}
              </option>
            ))}
          </select>
        </label>
      </p>
    );
  }
  return (
    <nav class="tabs" aria-label={t("column.service")}>
      {services.map((name) => (
        <a
          key={name}
          href={link("history", name)}
          aria-current={name === chosen ? "page" : undefined}
        >
          {name}
        </a>
      ))}
      {groups.map((name) => (
        <a key={`group ${name}`} href={link("groups", name)}>
          {group(name)}
        </a>
      ))}
    </nav>
  );
}

function Deployments({ service }: { service: string }) {
  const live = Object.values(shelves.deployments.value).find((one) => one.service === service);
  const { answer, error } = useAsked<{ deployments: Deployment[]; said?: Makings }>(
    "ListDeployments",
    { service },
    live?.deploymentId,
    live?.status,
  );
  const comparable = (answer?.deployments.length ?? 0) > 1;
  const [marked, mark] = useState<string[]>([]);
  const all = [...(answer?.deployments ?? [])].sort((a, b) => b.createdAt - a.createdAt);
  const toggle = (id: string) =>
    mark(marked.includes(id) ? marked.filter((one) => one !== id) : [...marked, id].slice(-2));
  const pair = marked
    .map((id) => all.find((one) => one.deploymentId === id))
    .filter((one) => one !== undefined)
    .sort((a, b) => a.createdAt - b.createdAt);
  return (
    <>
      <Trouble error={error} />
      {answer && all.length === 0 && (
        <Empty title={t("history.none", { service })}>
          <pre>
            <code>{`teal deploy ${service} IMAGE`}</code>
          </pre>
        </Empty>
      )}
      {all.length > 0 && (
        <Table
          label={t("history.title")}
          head={
            <>
              {comparable && (
                <Column>
                  <span class="visually-hidden">{t("history.compare")}</span>
                </Column>
              )}
              <Column kind="n">#</Column>
              <Column>{t("column.outcome")}</Column>
              <Column>{t("column.image")}</Column>
              <Column>{t("column.started")}</Column>
              <Column kind="n">{t("column.took")}</Column>
              <Column>{t("column.who")}</Column>
              <Column>{t("column.why")}</Column>
            </>
          }
        >
          {all.map((one) => (
            <tr key={one.deploymentId} class="first">
              {comparable && (
                <td data-label={t("history.compare")}>
                  <input
                    type="checkbox"
                    aria-label={t("history.mark", { n: one.number ?? 0 })}
                    checked={marked.includes(one.deploymentId)}
                    onChange={() => toggle(one.deploymentId)}
                  />
                </td>
              )}
              <th scope="row" class="n">
                <a href={link("deployments", service, one.deploymentId)}>#{one.number ?? "?"}</a>
              </th>
              <td>
                <a class="quiet" href={link("deployments", service, one.deploymentId)}>
                  <StateMark state={outcome(one)} />
                </a>
                {one.group && (
                  <a class="tag" href={link("groups", one.group)}>
                    {t("overview.group", { group: one.group })}
                  </a>
                )}
              </td>
              <td class="whole" data-label={t("column.image")}>
                <Image name={one.oldImage} /> → <Image name={one.newImage} />
              </td>
              <td class="whole" data-label={t("column.started")}>
                {moment(one.createdAt)}
              </td>
              <td class="n" data-label={t("column.took")}>
                <Took from={one.createdAt} to={one.finishedAt} />
              </td>
              <td data-label={t("column.who")}>{one.startedBy ?? "–"}</td>
              <td class="sentence">
                <Why one={one} said={answer?.said} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      {all.length > 1 && pair.length < 2 && <p class="muted">{t("history.how")}</p>}
      {pair.length === 2 && <Compared pair={pair} />}
    </>
  );
}

/** Why it ended as it did, or what it waits for. */
function why({ reason, serves, waitingFor }: Deployment, said: Makings | undefined): string {
  if (reason ?? serves) return told(reason ?? serves ?? "", said);
  return waitingFor ? t("history.waits", { what: told(waitingFor, said) }) : "";
}

function Why({ one, said }: { one: Deployment; said: Makings | undefined }) {
  const text = one.reason ?? one.serves ?? one.waitingFor ?? "";
  return <span lang={known(text, said) ? undefined : "en"}>{why(one, said)}</span>;
}

function Compared({ pair }: { pair: Deployment[] }) {
  const [a, b] = pair;
  const input = (one: Deployment | undefined) =>
    one ? { service: one.service, deploymentId: one.deploymentId } : null;
  const first = useAsked<{ deployment: Deployment; said?: Makings }>("GetDeployment", input(a));
  const second = useAsked<{ deployment: Deployment; said?: Makings }>("GetDeployment", input(b));
  const said = { ...first.answer?.said, ...second.answer?.said };
  const both = [first.answer?.deployment ?? a, second.answer?.deployment ?? b];
  const rows: [string, (one: Deployment) => string][] = [
    [t("column.image"), (one) => `${one.oldImage ?? "–"} → ${one.newImage ?? "–"}`],
    [t("changed.strategy"), strategy],
    [t("column.who"), (one) => one.startedBy ?? "–"],
    [t("changed.ended"), (one) => one.endedBy ?? "–"],
    [t("column.started"), (one) => moment(one.createdAt)],
    [t("column.took"), (one) => (one.finishedAt ? duration(one.finishedAt - one.createdAt) : "…")],
    [t("column.why"), (one) => why(one, said) || "–"],
    [t("column.requests"), (one) => number(total(one, "requests"))],
    [
      t("column.failures"),
      (one) =>
        total(one, "requests") > 0
          ? `${number(total(one, "failures"))} (${percent(total(one, "failures") / total(one, "requests"))})`
          : number(total(one, "failures")),
    ],
    [t("column.p50"), (one) => latency(one.evidence?.at(-1)?.p50)],
    [t("column.p99"), (one) => latency(one.evidence?.at(-1)?.p99)],
    [
      t("compare.reached"),
      (one) => percent((one.steps?.[one.evidence?.at(-1)?.step ?? -1] ?? 0) / 100, 0),
    ],
  ];
  return (
    <section class="card" aria-labelledby="compare">
      <h2 id="compare">{t("history.compare")}</h2>
      <Trouble error={first.error ?? second.error} />
      <Table
        label={t("history.compare")}
        head={
          <>
            <Column>{t("compare.fact")}</Column>
            {both.map((one) => (
              <Column key={one?.deploymentId}>
                #{one?.number} <StateMark state={one ? outcome(one) : ""} />
              </Column>
            ))}
          </>
        }
      >
        {rows.map(([name, of]) => {
          const values = both.map((one) => (one ? of(one) : "–"));
          return (
            <tr key={name} class="first">
              <th scope="row">{name}</th>
              {values.map((value, index) => (
                <td
                  class={values[0] === values[1] ? "" : "differs"}
                  key={both[index]?.deploymentId}
                  data-label={`#${both[index]?.number ?? "?"}`}
                >
                  {value}
                </td>
              ))}
            </tr>
          );
        })}
      </Table>
    </section>
  );
}

function total(deployment: Deployment, what: "requests" | "failures"): number {
  return (deployment.evidence ?? []).reduce((sum, one) => sum + one[what], 0);
}
