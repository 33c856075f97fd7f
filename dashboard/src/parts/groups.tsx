/** Groups of services, each with its latest deployment. */

import { byName } from "../data/order";
import { shelves } from "../data/state";
import { link } from "../router";
import { t } from "../text";
import { Ago, Column, outcome, StateMark, Table } from "./marks";
import { Told } from "./told";

export function Groups() {
  const groups = Object.values(shelves.groups.value).sort((a, b) => byName(a.name, b.name));
  if (groups.length === 0) return null;
  return (
    <Table
      label={t("overview.groups")}
      titled
      head={
        <>
          <Column>{t("column.group")}</Column>
          <Column>{t("column.deployment")}</Column>
          <Column>{t("column.members")}</Column>
          <Column kind="n">{t("column.since")}</Column>
        </>
      }
    >
      {groups.map(({ name, services, latest, said }) => (
        <tr key={name} class="first">
          <th scope="row" class="name">
            <a href={link("groups", name)}>{name}</a>
          </th>
          <td class="sentence">
            {latest ? (
              <>
                <a class="quiet" href={link("groups", name, latest.groupDeploymentId)}>
                  <StateMark state={latest.pausedBy ? "paused" : outcome(latest)} />
                </a>
                <span class="sentence">
                  <Told text={latest.sentence} by={{ said }} />
                </span>
              </>
            ) : (
              <span class="muted">{t("groups.never")}</span>
            )}
          </td>
          <td class="whole members" data-label={t("column.members")}>
            {services.map((service) => (
              <a key={service} href={link("services", service)}>
                {service}
              </a>
            ))}
          </td>
          <td class="n" data-label={t("column.since")}>
            <Ago at={latest?.finishedAt ?? latest?.createdAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}
