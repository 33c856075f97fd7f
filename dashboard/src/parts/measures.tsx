/** Cells that several tables have: healthy tasks, and what callers see. */

import type { SideTraffic } from "../data/wire";
import { latency, number, percent, rate, t } from "../text";
import { known, type Makings, told } from "../text/said";
import { Column } from "./marks";

export function MeasureColumns() {
  return (
    <>
      <Column kind="n">{t("column.healthy")}</Column>
      <Column kind="n">{t("column.rate")}</Column>
      <Column kind="n">{t("column.errors")}</Column>
      <Column kind="n">{t("column.p99")}</Column>
    </>
  );
}

interface Measured {
  healthy: number;
  desired: number;
  /** Why tasks are missing, and who tells it. */
  reason?: string | undefined;
  by: { said?: Makings };
  /** Whether there are tasks to count. */
  runs?: boolean;
  traffic: SideTraffic | undefined;
}

export function MeasureCells({ healthy, desired, reason, by, runs = true, traffic }: Measured) {
  const ill = healthy < desired;
  return (
    <>
      <td
        class={ill ? "n warn" : "n"}
        lang={reason && !known(reason, by.said) ? "en" : undefined}
        title={reason && told(reason, by.said)}
        data-label={t("column.healthy")}
      >
        {ill && <span aria-hidden="true">▲ </span>}
        {runs ? `${number(healthy)}/${number(desired)}` : "–"}
      </td>
      <td class="n" data-label={t("column.rate")}>
        {rate(traffic?.perSecond)}
      </td>
      <td class={traffic?.errors ? "n bad" : "n"} data-label={t("column.errors")}>
        {traffic && traffic.requests > 0 ? percent(traffic.errors / traffic.requests) : "–"}
      </td>
      <td class="n" data-label={t("column.p99")}>
        {latency(traffic?.p99)}
      </td>
    </>
  );
}
