/** The fleet: every service in one line, the meshes, and what is in trouble. */

import { convergence } from "../data/convergence";
import { byName } from "../data/order";
import { control, seen, services, shelves } from "../data/state";
import type { Service } from "../data/wire";
import { Converged } from "../parts/converged";
import { Fleet } from "../parts/fleet";
import { Groups } from "../parts/groups";
import { Ago, Column, Table } from "../parts/marks";
import { NoServices } from "../parts/none";
import { Rests } from "../parts/rests";
import { Told } from "../parts/told";
import { link } from "../router";
import { counted, number, t } from "../text";

export function Overview() {
  return (
    <>
      <h1>{t("overview.title")}</h1>
      {seen.value && services.value.length === 0 ? (
        <NoServices />
      ) : (
        <Fleet services={sorted(services.value)} label={t("overview.fleet")} />
      )}
      <Groups />
      <Rests />
      <Meshes />
      <Troubles />
    </>
  );
}

const order: Record<string, number> = {
  failed: 0,
  down: 0,
  "rolled back": 1,
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
  return [...all].sort((a, b) => rank(a) - rank(b) || byName(a.name, b.name));
}

function Meshes() {
  const meshes = Object.values(shelves.mesh.value).sort((a, b) => byName(a.name, b.name));
  if (meshes.length === 0) return null;
  return (
    <Table
      label={t("overview.meshes")}
      titled
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
            <td class="n" data-label={t("column.connected")}>
              {number(found.connected)}
            </td>
            <td class="n" data-label={t("column.current")}>
              {number(found.current)}
            </td>
            <td class={found.rejecting ? "n bad" : "n"} data-label={t("column.rejected")}>
              {number(found.rejecting)}
            </td>
            <td class="whole">
              <Converged {...found} />
            </td>
          </tr>
        );
      })}
    </Table>
  );
}

function Troubles() {
  const about = control.value;
  const troubles = about?.troubles ?? [];
  if (troubles.length === 0) return null;
  return (
    <section class="card">
      <h2>{t("overview.troubles")}</h2>
      <ul class="plain">
        {troubles.map((one) => (
          <li key={one.worker}>
            <span class="bad">✖</span> <b lang="en">{one.worker}</b>:{" "}
            <Told text={one.error} by={about} /> (
            {counted("overview.once", "overview.times", one.times)}, <Ago at={one.since} />)
          </li>
        ))}
      </ul>
    </section>
  );
}
