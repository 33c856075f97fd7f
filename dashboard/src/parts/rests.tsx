/** What carries requests beside the services: gateways, and virtual services without sides. */

import { shelves } from "../data/state";
import type { Rest } from "../data/wire";
import { link } from "../router";
import { latency, number, percent, rate, t, word } from "../text";
import { Column, Image, Table } from "./marks";

/** Gateways first, where requests come in; then by name. */
export function ordered(all: Rest[]): Rest[] {
  return [...all].sort((a, b) => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name));
}

export function Rests() {
  const all = ordered(Object.values(shelves.rest.value));
  if (all.length === 0) return null;
  return (
    <Table
      label={t("overview.rest")}
      head={
        <>
          <Column>{t("column.name")}</Column>
          <Column>{t("column.kind")}</Column>
          <Column>{t("column.where")}</Column>
          <Column>{t("column.image")}</Column>
          <Column kind="n">{t("column.healthy")}</Column>
          <Column kind="n">{t("column.rate")}</Column>
          <Column kind="n">{t("column.errors")}</Column>
          <Column kind="n">{t("column.p99")}</Column>
        </>
      }
    >
      {all.map((one) => (
        <Row key={`${one.mesh} ${one.kind}/${one.name}`} one={one} />
      ))}
    </Table>
  );
}

function Row({ one }: { one: Rest }) {
  const { traffic } = one;
  const ill = one.healthy < one.desired;
  return (
    <tr class="first">
      <th scope="row">
        <a href={`${link("mesh", one.mesh)}?node=${encodeURIComponent(`${one.kind}/${one.name}`)}`}>
          {one.name}
        </a>
      </th>
      <td>{word("kind", one.kind)}</td>
      <td class="muted">{one.addresses?.join(" ") || one.provider?.replace("/", " ") || "–"}</td>
      <td>
        <Image name={one.image} />
      </td>
      <td class={ill ? "n warn" : "n"} title={one.reason}>
        {ill && <span aria-hidden="true">▲ </span>}
        {one.ecsServices?.length ? `${number(one.healthy)}/${number(one.desired)}` : "–"}
      </td>
      <td class="n">{rate(traffic?.perSecond)}</td>
      <td class={traffic?.errors ? "n bad" : "n"}>
        {traffic && traffic.requests > 0 ? percent(traffic.errors / traffic.requests) : "–"}
      </td>
      <td class="n">{latency(traffic?.p99)}</td>
    </tr>
  );
}
