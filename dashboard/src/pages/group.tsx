/** A group of services: its deployments, and one of them with each member. */

import { now, seen, shelves } from "../data/state";
import type { GroupDeployment, GroupMember } from "../data/wire";
import { Actions } from "../parts/actions";
import { Trouble, useAsked } from "../parts/asking";
import { orders } from "../parts/confirm";
import {
  Column,
  Empty,
  Image,
  outcome,
  ShareBar,
  SideMark,
  StateMark,
  Table,
  Took,
} from "../parts/marks";
import { Told } from "../parts/told";
import { link } from "../router";
import { clock, duration, moment, percent, t, word } from "../text";
import type { Makings } from "../text/said";
import { DANGEROUS, groupActions, groupOperation } from "./deployment/orders";

/** The latest deployment of a group, or the one with this id. */
export function GroupPage({ name, id }: { name: string; id: string | undefined }) {
  const group = shelves.groups.value[name];
  const latest = group?.latest && { ...group.latest, said: group.said };
  const isLatest = latest !== undefined && (id === undefined || latest.groupDeploymentId === id);
  const wanted = id ?? latest?.groupDeploymentId;
  const given = orders.value;
  const asked = useAsked<{ groupDeployment: GroupDeployment; said?: Makings }>(
    "GetGroupDeployment",
    wanted === undefined || (isLatest && given === 0)
      ? null
      : { group: name, groupDeploymentId: wanted },
    given,
  );
  const said = asked.answer?.said;
  const told = asked.answer && { ...asked.answer.groupDeployment, said };
  // After an order it is asked for, until the stream knows as much.
  const newer =
    told !== undefined &&
    told.groupDeploymentId === wanted &&
    told.updatedAt > (latest?.updatedAt ?? 0);
  const found = isLatest && !newer ? latest : told;
  if (group === undefined && found === undefined) {
    return seen.value ? (
      <Empty title={t("groups.unknown", { group: name })}>
        <p>
          <a href={link("overview")}>{t("nav.overview")}</a>
        </p>
      </Empty>
    ) : (
      <p class="muted">{t("loading")}</p>
    );
  }
  return (
    <article class="deployment">
      {found ? (
        <>
          <Head one={found} latest={isLatest} />
          <Members one={found} />
          <Journal one={found} />
        </>
      ) : (
        <>
          <h1>{name}</h1>
          <Trouble error={asked.error} />
          {latest === undefined && (
            <Empty title={t("groups.never")}>
              <pre>
                <code>{`teal deploy --group ${name} SERVICE=IMAGE …`}</code>
              </pre>
            </Empty>
          )}
        </>
      )}
      <History name={name} latest={latest} shown={found?.groupDeploymentId} />
    </article>
  );
}

function Head({ one, latest }: { one: GroupDeployment; latest: boolean }) {
  const end = one.finishedAt ?? now.value;
  return (
    <header class="lead">
      <p class="crumbs">
        <a href={link("groups", one.group)}>{t("overview.group", { group: one.group })}</a>
        <span aria-hidden="true"> / </span>#{one.number}
      </p>
      <h1>
        {one.group}: {one.members.map((member) => member.service).join(", ")}
      </h1>
      <p class="standing">
        <StateMark state={one.pausedBy ? "paused" : outcome(one)} />
        <span>{t("deployment.took", { time: duration(end - one.createdAt) })}</span>
        {one.startedBy && <span>{t("deployment.by", { who: one.startedBy })}</span>}
        {one.finishedAt !== undefined && one.endedBy && (
          <span>{t("deployment.ended", { who: one.endedBy })}</span>
        )}
        {one.pausedBy && <span>{t("deployment.paused", { who: one.pausedBy })}</span>}
      </p>
      <p class="visually-hidden" aria-live="polite">
        {one.group}: {word("state", one.pausedBy ? "paused" : outcome(one))}
      </p>
      <p class="sentence">
        <Told text={one.sentence} by={one} />
      </p>
      {one.finishedAt !== undefined && one.reason && (
        <p class="reason">
          <Told text={one.reason} by={one} />
        </p>
      )}
      {(one.held ?? []).length > 0 && (
        <p class="links">
          {one.members
            .filter((member) => one.held?.includes(member.service))
            .map((member) => (
              <a key={member.service} href={to(member)}>
                {t("groups.held", { service: member.service })}
              </a>
            ))}
        </p>
      )}
      <Actions
        offered={groupActions(one, latest)}
        dangerous={DANGEROUS}
        name={(action) =>
          action === "abort" || action === "rollback" ? t("groups.back") : word("action", action)
        }
        order={(action) => {
          const [operation, input] = groupOperation(action, one.group);
          return { what: t(`group.${action}`, { group: one.group }), operation, input };
        }}
      />
    </header>
  );
}

function to({ service, deployment }: GroupMember): string {
  return deployment
    ? link("deployments", service, deployment.deploymentId)
    : link("services", service);
}

function Members({ one }: { one: GroupDeployment }) {
  return (
    <Table
      label={t("groups.members")}
      kind="fleet"
      titled
      head={
        <>
          <Column kind="n">{t("column.order")}</Column>
          <Column>{t("column.service")}</Column>
          <Column>{t("column.state")}</Column>
          <Column>{t("column.image")}</Column>
          <Column>{t("column.side")}</Column>
          <Column kind="wide">{t("column.share")}</Column>
          <Column kind="n">{t("column.weight")}</Column>
          <Column kind="n">{t("column.measured")}</Column>
          <Column>{t("column.after")}</Column>
        </>
      }
    >
      {one.members.map((member, index) => (
        <Member key={member.service} member={member} index={index} one={one} />
      ))}
    </Table>
  );
}

function Member(props: { member: GroupMember; index: number; one: GroupDeployment }) {
  const { member, index, one } = props;
  const over = one.finishedAt !== undefined;
  const d = member.deployment;
  const side = d?.newSide ?? "";
  const service = over ? undefined : shelves.services.value[member.service];
  const total = service?.sides.reduce((sum, each) => sum + each.weight, 0) ?? 0;
  const weight = service?.sides.find((each) => each.side === side)?.weight ?? 0;
  const set = total > 0 ? weight / total : undefined;
  const measured = over ? undefined : shelves.traffic.value[member.service]?.sides[side]?.share;
  return (
    <tr class="first">
      <td class="n" data-label={t("column.order")}>
        {index + 1}
      </td>
      <th scope="row" class="name">
        <a href={to(member)}>{member.service}</a>
      </th>
      <td class="sentence">
        {d && <StateMark state={d.state === "HELD" ? "held" : outcome(d)} />}
        <span class="sentence">
          <Told text={d?.reason ?? d?.waitingFor ?? d?.serves ?? ""} by={one} />
        </span>
      </td>
      <td data-label={t("column.image")}>
        <Image name={d?.oldImage} /> → <Image name={member.image} />
      </td>
      <td data-label={t("column.side")}>{d ? <SideMark side={side} /> : "–"}</td>
      <td class="wide">
        {set === undefined ? (
          <span class="muted">–</span>
        ) : (
          <ShareBar set={set} measured={measured} side={side} />
        )}
      </td>
      <td class="n" data-label={t("column.weight")}>
        {percent(set, 0)}
      </td>
      <td class="n" data-label={t("column.measured")}>
        {percent(measured)}
      </td>
      <td data-label={t("column.after")}>{member.after.join(", ") || "–"}</td>
    </tr>
  );
}

function Journal({ one }: { one: GroupDeployment }) {
  return (
    <section class="card" aria-labelledby="journal">
      <h2 id="journal">{t("journal.title")}</h2>
      <ol class="journal">
        {[...one.journal].reverse().map((entry) => (
          <li key={entry.sequence}>
            <time dateTime={new Date(entry.at * 1000).toISOString()} title={moment(entry.at)}>
              {clock(entry.at)}
            </time>
            <span>
              <b>{word("transition", entry.transition)}</b> <Told text={entry.message} by={one} />
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function History(props: {
  name: string;
  latest: GroupDeployment | undefined;
  shown: string | undefined;
}) {
  const { name, latest, shown } = props;
  const { answer, error } = useAsked<{ groupDeployments: GroupDeployment[]; said?: Makings }>(
    "ListGroupDeployments",
    latest === undefined ? null : { group: name },
    latest?.groupDeploymentId,
    latest?.status,
  );
  const all = answer?.groupDeployments ?? [];
  return (
    <>
      <Trouble error={error} />
      {all.length > 0 && (
        <Table
          label={t("groups.all")}
          titled
          head={
            <>
              <Column kind="n">#</Column>
              <Column>{t("column.outcome")}</Column>
              <Column>{t("column.members")}</Column>
              <Column>{t("column.started")}</Column>
              <Column kind="n">{t("column.took")}</Column>
              <Column>{t("column.why")}</Column>
            </>
          }
        >
          {all.map((one) => (
            <tr key={one.groupDeploymentId} class="first">
              <th scope="row" class="n">
                <a
                  href={link("groups", name, one.groupDeploymentId)}
                  aria-current={one.groupDeploymentId === shown ? "page" : undefined}
                >
                  #{one.number}
                </a>
              </th>
              <td data-label={t("column.outcome")}>
                <StateMark state={outcome(one)} />
              </td>
              <td class="whole members" data-label={t("column.members")}>
                {one.members.map((member) => (
                  <Image key={member.service} name={member.image} />
                ))}
              </td>
              <td data-label={t("column.started")}>{moment(one.createdAt)}</td>
              <td class="n" data-label={t("column.took")}>
                <Took from={one.createdAt} to={one.finishedAt} />
              </td>
              <td class="sentence">
                <Told text={one.reason ?? one.waitingFor ?? ""} by={answer} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </>
  );
}
