/** What carries requests beside the services: gateways, and virtual services without sides. */

import { byName } from "../data/order";
import { shelves } from "../data/state";
import type { Rest } from "../data/wire";
import { link } from "../router";
import { t, word } from "../text";
import { useGradual } from "./gradual";
import { Column, Image, Table } from "./marks";
import { MeasureCells, MeasureColumns } from "./measures";
import { still } from "./still";

/** Gateways first, where requests come in; then by name. */
export function ordered(all: Rest[]): Rest[] {
  return [...all].sort((a, b) => byName(a.kind, b.kind) || byName(a.name, b.name));
}

/** Rows that are drawn at once: they come after those of the services. */
const FIRST = 12;

export function Rests() {
  const all = ordered(Object.values(shelves.rest.value));
  const some = useGradual(all.length, FIRST, 4 * FIRST);
  if (all.length === 0) return null;
  return (
    <Table
      label={t("overview.rest")}
      titled
      head={
        <>
          <Column>{t("column.name")}</Column>
          <Column>{t("column.kind")}</Column>
          <Column>{t("column.where")}</Column>
          <Column>{t("column.image")}</Column>
          <MeasureColumns />
        </>
      }
    >
      {all.slice(0, some).map((one) => (
        <Row key={`${one.mesh} ${one.kind}/${one.name}`} one={one} />
      ))}
    </Table>
  );
}

const Row = still(function Row({ one }: { one: Rest }) {
  return (
    <tr class="first">
      <th scope="row">
        <a href={`${link("mesh", one.mesh)}?node=${encodeURIComponent(`${one.kind}/${one.name}`)}`}>
          {one.name}
        </a>
      </th>
      <td data-label={t("column.kind")}>{word("kind", one.kind)}</td>
      <td class="muted whole" data-label={t("column.where")}>
        {one.addresses?.join(" ") || one.provider?.replace("/", " ") || "–"}
      </td>
      <td data-label={t("column.image")}>
        <Image name={one.image} />
      </td>
      <MeasureCells
        healthy={one.healthy}
        desired={one.desired}
        reason={one.reason}
        by={one}
        runs={Boolean(one.ecsServices?.length)}
        traffic={one.traffic}
      />
    </tr>
  );
});
