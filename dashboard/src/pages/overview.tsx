/** The fleet: every service in one line, the meshes, and what is in trouble. */

import { convergence } from "../data/convergence";
import { seen, services, shelves } from "../data/state";
import type { Service, Side, SideTraffic } from "../data/wire";
import { Converged } from "../parts/converged";
import { Ago, Column, Empty, Image, ShareBar, SideMark, StateMark, Table } from "../parts/marks";
import { Rests } from "../parts/rests";
import { link } from "../router";
import { latency, number, percent, rate, t } from "../text";

export function Overview() {
  return (
    <>
      <h1>{t("overview.title")}</h1>
      {seen.value && services.value.length === 0 ? <NoServices /> : <Fleet />}
      <Rests />
      <Groups />
      <Meshes />
      <Troubles />
    </>
  );
}

function NoServices() {
  return (
    <Empty title={t("overview.empty")}>
      <p>{t("overview.empty.what")}</p>
      <pre>
        <code>{"teal init\nteal apply"}</code>
      </pre>
      <p>{t("overview.empty.adopt")}</p>
      <pre>
        <code>teal adopt NAME</code>
      </pre>
    </Empty>
  );
}

const order: Record<string, number> = {
  failed: 0,
  down: 0,
  problem: 1,
  degraded: 1,
  held: 2,
  "awaiting approval": 2,
  paused: 2,
  "going back": 3,
  deploying: 4,
};

/** What needs somebody comes first, then by name. */
export function sorted(all: Service[]): Service[] {
  const rank = (one: Service) => order[one.state] ?? 9;
  return [...all].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}

function Fleet() {
  return (
    <Table
      label={t("overview.fleet")}
      head={
        <>
          <Column>{t("column.service")}</Column>
          <Column>{t("column.state")}</Column>
          <Column>{t("column.side")}</Column>
          <Column>{t("column.image")}</Column>
          <Column kind="wide">{t("column.share")}</Column>
          <Column kind="n">{t("column.weight")}</Column>
          <Column kind="n">{t("column.measured")}</Column>
          <Column kind="n">{t("column.healthy")}</Column>
          <Column kind="n">{t("column.rate")}</Column>
          <Column kind="n">{t("column.errors")}</Column>
          <Column kind="n">{t("column.p99")}</Column>
          <Column kind="n">{t("column.since")}</Column>
        </>
      }
    >
      {sorted(services.value).map((service) => (
        <Rows key={service.name} service={service} />
      ))}
    </Table>
  );
}

/** The sides that have anything; of a service without, its first, so that it has a row. */
export function shownSides(service: Service): Side[] {
  const used = service.sides.filter((side) => side.weight || side.running || side.desired);
  return used.length > 0 ? used : service.sides.slice(0, 1);
}

function Rows({ service }: { service: Service }) {
  const sides = shownSides(service);
  const total = service.sides.reduce((sum, side) => sum + side.weight, 0);
  const traffic = shelves.traffic.value[service.name];
  const to = service.deployment
    ? link("deployments", service.name, service.deployment)
    : link("services", service.name);
  const rows = sides.length === 0 ? [undefined] : sides;
  return (
    <>
      {rows.map((side, index) => (
        <tr key={side?.side ?? "none"} class={index === 0 ? "first" : "further"}>
          {index === 0 && (
            <>
              <th scope="rowgroup" rowSpan={rows.length}>
                <a href={link("services", service.name)}>{service.name}</a>
                {service.origin === "adopted" && <span class="tag">{t("overview.adopted")}</span>}
              </th>
              <td rowSpan={rows.length} class="sentence">
                <a class="quiet" href={to}>
                  <StateMark state={service.state} />
                </a>
                <span class="sentence" lang="en">
                  {service.problem ?? service.sentence}
                </span>
              </td>
            </>
          )}
          {side ? (
            <SideCells side={side} total={total} traffic={traffic?.sides[side.side]} />
          ) : (
            <td colSpan={9} class="muted">
              –
            </td>
          )}
          {index === 0 && (
            <td rowSpan={rows.length} class="n">
              <Ago at={service.since} />
            </td>
          )}
        </tr>
      ))}
    </>
  );
}

function SideCells(props: { side: Side; total: number; traffic: SideTraffic | undefined }) {
  const { side, total, traffic } = props;
  const set = total > 0 ? side.weight / total : 0;
  const ill = side.healthy < side.desired;
  return (
    <>
      <td>
        <SideMark side={side.side} />
      </td>
      <td>
        <Image name={side.image} />
      </td>
      <td class="wide">
        <ShareBar set={set} measured={traffic?.share} side={side.side} />
      </td>
      <td class="n">{percent(set, 0)}</td>
      <td class="n">{percent(traffic?.share)}</td>
      <td class={ill ? "n warn" : "n"} title={side.reason}>
        {ill && <span aria-hidden="true">▲ </span>}
        {number(side.healthy)}/{number(side.desired)}
      </td>
      <td class="n">{rate(traffic?.perSecond)}</td>
      <td class={traffic?.errors ? "n bad" : "n"}>
        {traffic && traffic.requests > 0 ? percent(traffic.errors / traffic.requests) : "–"}
      </td>
      <td class="n">{latency(traffic?.p99)}</td>
    </>
  );
}

function Groups() {
  const groups = Object.values(shelves.groups.value).filter((group) => group.latest);
  if (groups.length === 0) return null;
  return (
    <section class="card">
      <h2>{t("overview.groups")}</h2>
      <ul class="plain">
        {groups.map((group) => (
          <li key={group.name}>
            <b>{group.name}</b> <StateMark state={group.latest?.status ?? ""} />{" "}
            <span class="muted" lang="en">
              {group.latest?.sentence}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Meshes() {
  const meshes = Object.values(shelves.mesh.value).sort((a, b) => a.name.localeCompare(b.name));
  if (meshes.length === 0) return null;
  return (
    <Table
      label={t("overview.meshes")}
      head={
        <>
          <Column>{t("column.mesh")}</Column>
          <Column kind="n">{t("column.connected")}</Column>
          <Column kind="n">{t("column.current")}</Column>
          <Column kind="n">{t("column.rejected")}</Column>
          <Column>{t("column.state")}</Column>
        </>
      }
    >
      {meshes.map((mesh) => {
        const found = convergence(Object.values(shelves.envoys.value), mesh.name);
        return (
          <tr key={mesh.name} class="first">
            <th scope="row">
              <a href={link("mesh", mesh.name)}>{mesh.name}</a>
            </th>
            <td class="n">{number(found.connected)}</td>
            <td class="n">{number(found.current)}</td>
            <td class={found.rejecting ? "n bad" : "n"}>{number(found.rejecting)}</td>
            <td>
              <Converged {...found} />
            </td>
          </tr>
        );
      })}
    </Table>
  );
}

function Troubles() {
  const troubles = shelves.control.value.control?.troubles ?? [];
  if (troubles.length === 0) return null;
  return (
    <section class="card">
      <h2>{t("overview.troubles")}</h2>
      <ul class="plain" lang="en">
        {troubles.map((one) => (
          <li key={one.worker}>
            <span class="bad">✖</span> <b>{one.worker}</b> {one.error} (
            {t("overview.times", { n: one.times })}, <Ago at={one.since} />)
          </li>
        ))}
      </ul>
    </section>
  );
}
