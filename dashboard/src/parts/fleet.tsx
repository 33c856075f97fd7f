/** Services with their sides: what state, which versions, who gets how much, and how it goes. */

import { shelves } from "../data/state";
import type { Service, Side, SideTraffic, Traffic } from "../data/wire";
import { link } from "../router";
import { percent, t } from "../text";
import { useGradual } from "./gradual";
import { Ago, Column, Image, ShareBar, SideMark, StateMark, Table } from "./marks";
import { MeasureCells, MeasureColumns } from "./measures";
import { still } from "./still";
import { Told } from "./told";

/** The sides that have anything; of a service without, its first, so that it has a row. */
export function shownSides(service: Service): Side[] {
  const used = service.sides.filter((side) => side.weight || side.running || side.desired);
  return used.length > 0 ? used : service.sides.slice(0, 1);
}

/** Services that are drawn at once: more than a screen has. */
const FIRST = 24;

export function Fleet({ services, label }: { services: Service[]; label: string }) {
  const some = useGradual(services.length, FIRST, FIRST);
  const traffic = shelves.traffic.value;
  return (
    <Table
      label={label}
      kind="fleet"
      head={
        <>
          <Column>{t("column.service")}</Column>
          <Column>{t("column.state")}</Column>
          <SideColumns />
          <Column kind="n">{t("column.since")}</Column>
        </>
      }
    >
      {services.slice(0, some).map((service) => (
        <Rows key={service.name} service={service} traffic={traffic[service.name]} />
      ))}
    </Table>
  );
}

function SideColumns() {
  return (
    <>
      <Column>{t("column.side")}</Column>
      <Column>{t("column.image")}</Column>
      <Column kind="wide">{t("column.share")}</Column>
      <Column kind="n">{t("column.weight")}</Column>
      <Column kind="n">{t("column.measured")}</Column>
      <MeasureColumns />
    </>
  );
}

interface RowsProps {
  service: Service;
  traffic: Traffic | undefined;
}

const Rows = still(function Rows({ service, traffic }: RowsProps) {
  const sides = shownSides(service);
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
              <th scope="rowgroup" rowSpan={rows.length} class="name">
                <a href={link("services", service.name)}>{service.name}</a>
                {service.origin === "adopted" && <span class="tag">{t("overview.adopted")}</span>}
                {service.group && (
                  <a class="tag" href={link("groups", service.group)}>
                    {t("overview.group", { group: service.group })}
                  </a>
                )}
              </th>
              <td rowSpan={rows.length} class="sentence">
                <a class="quiet" href={to}>
                  <StateMark state={service.state} />
                </a>
                {/* That it serves, the other columns say. */}
                {service.state !== "serving" && (
                  <span class="sentence">
                    <Told text={service.problem ?? service.sentence} by={service} />
                  </span>
                )}
              </td>
            </>
          )}
          {side ? (
            <SideCells side={side} service={service} traffic={traffic?.sides[side.side]} />
          ) : (
            <td colSpan={9} class="muted">
              –
            </td>
          )}
          {index === 0 && (
            <td rowSpan={rows.length} class="n since" data-label={t("column.since")}>
              <Ago at={service.since} />
            </td>
          )}
        </tr>
      ))}
    </>
  );
});

/** The sides of one service alone. */
export function Sides({ service, label }: { service: Service; label: string }) {
  const traffic = shelves.traffic.value[service.name];
  return (
    <Table label={label} head={<SideColumns />}>
      {shownSides(service).map((side) => (
        <tr key={side.side} class="first">
          <SideCells side={side} service={service} traffic={traffic?.sides[side.side]} heads />
        </tr>
      ))}
    </Table>
  );
}

/** ``heads``: the side's name is the head of its row. */
function SideCells(props: {
  side: Side;
  service: Service;
  traffic: SideTraffic | undefined;
  heads?: boolean;
}) {
  const { side, service, traffic, heads = false } = props;
  const total = service.sides.reduce((sum, one) => sum + one.weight, 0);
  const set = total > 0 ? side.weight / total : 0;
  const name = <SideMark side={side.side} />;
  return (
    <>
      {heads ? <th scope="row">{name}</th> : <td data-label={t("column.side")}>{name}</td>}
      <td data-label={t("column.image")}>
        <Image name={side.image} />
      </td>
      <td class="wide">
        <ShareBar set={set} measured={traffic?.share} side={side.side} />
      </td>
      <td class="n" data-label={t("column.weight")}>
        {percent(set, 0)}
      </td>
      <td class="n" data-label={t("column.measured")}>
        {percent(traffic?.share)}
      </td>
      <MeasureCells
        healthy={side.healthy}
        desired={side.desired}
        reason={side.reason}
        by={service}
        traffic={traffic}
      />
    </>
  );
}
