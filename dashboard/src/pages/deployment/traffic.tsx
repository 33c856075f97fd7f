/** What callers saw of both sides, as it went, and by caller. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { call } from "../../data/api";
import { samples } from "../../data/state";
import type { Caller, Deployment, Seen, Window } from "../../data/wire";
import { Trouble, useAsked } from "../../parts/asking";
import { Column, SideMark, Table } from "../../parts/marks";
import { type Line, type Mark, Plot } from "../../parts/plot";
import { latency, number, percent, rate, t } from "../../text";
import { type Course, course } from "./figures";

/** The windows of a deployment: all of them once, and then those that are new. */
export function useWindows(deployment: Deployment | undefined): {
  windows: Window[];
  error?: string;
} {
  const [found, set] = useState<{ id?: string; windows: Window[]; error?: string }>({
    windows: [],
  });
  const id = deployment?.deploymentId;
  const measured = deployment?.measured;
  useEffect(() => {
    if (id === undefined) return;
    let wanted = true;
    const known = found.id === id ? found.windows : [];
    const read = async () => {
      let windows = known;
      for (let more: boolean | undefined = true; more && wanted; ) {
        const after = windows.at(-1)?.index;
        const input = after === undefined ? { deploymentId: id } : { deploymentId: id, after };
        const answer = await call<{ windows: Window[]; more?: boolean }>("ListWindows", input);
        windows = [...windows, ...answer.windows];
        more = answer.more && answer.windows.length > 0;
      }
      if (wanted) set({ id, windows });
    };
    read().catch((error: Error) => wanted && set({ id, windows: known, error: error.message }));
    return () => {
      wanted = false;
    };
  }, [id, measured]);
  return found.id === id ? found : { windows: [] };
}

function marks(deployment: Deployment): Mark[] {
  return (deployment.evidence ?? []).flatMap((one) =>
    one.startedAt === undefined
      ? []
      : [{ at: one.startedAt, label: percent(one.expectedShare ?? 1, 0) }],
  );
}

export function Traffic({ deployment, windows }: { deployment: Deployment; windows: Window[] }) {
  const { oldSide = "blue", newSide = "green", service } = deployment;
  const seen = samples.value[service];
  const end = deployment.finishedAt ?? Number.POSITIVE_INFINITY;
  const found: Course = useMemo(
    () => course(windows, seen ?? [], [oldSide, newSide], deployment.createdAt, end),
    [windows, seen, oldSide, newSide, deployment.createdAt, end],
  );
  const [before, after] = [`--${oldSide}`, `--${newSide}`];
  const pair = (values: Course["requests"]): Line[] => [
    { label: oldSide, colour: before, values: values[0] },
    { label: newSide, colour: after, values: values[1] },
  ];
  const quantiles: Line[] = [
    { label: `${oldSide} p50`, colour: before, dashed: true, values: found.p50[0] },
    { label: `${newSide} p50`, colour: after, dashed: true, values: found.p50[1] },
    { label: `${oldSide} p99`, colour: before, values: found.p99[0] },
    { label: `${newSide} p99`, colour: after, values: found.p99[1] },
  ];
  const common = { times: found.times, marks: marks(deployment) };
  return (
    <section class="card" aria-labelledby="traffic">
      <h2 id="traffic">{t("traffic.title")}</h2>
      {found.times.length === 0 ? (
        <p class="muted">{t("traffic.none")}</p>
      ) : (
        <div class="plots">
          <Plot
            title={t("traffic.requests")}
            lines={pair(found.requests)}
            show={rate}
            least={1}
            {...common}
          />
          <Plot
            title={t("traffic.errors")}
            lines={pair(found.errors)}
            show={percent}
            axis={(value, top) => percent(value, top < 0.1 ? 1 : 0)}
            least={0.01}
            {...common}
          />
          <Plot
            title={t("traffic.latency")}
            lines={quantiles}
            show={latency}
            least={1}
            {...common}
          />
        </div>
      )}
    </section>
  );
}

export function Callers({ deployment }: { deployment: Deployment }) {
  const { deploymentId, measured, oldSide = "blue", newSide = "green" } = deployment;
  const { answer, error } = useAsked<{ callers: Caller[] }>(
    "ListCallers",
    { deploymentId },
    measured,
  );
  const callers = answer?.callers ?? [];
  return (
    <section class="card" aria-labelledby="callers">
      <h2 id="callers">{t("callers.title")}</h2>
      <Trouble error={error} />
      {callers.length === 0 ? (
        <p class="muted">{t("callers.none")}</p>
      ) : (
        <Table
          label={t("callers.title")}
          kind="pairs"
          head={
            <>
              <Column>{t("column.caller")}</Column>
              {[oldSide, newSide].map((side) => (
                <Column key={side} kind="n">
                  <SideMark side={side}>
                    {side} {t("column.requests")}
                  </SideMark>
                </Column>
              ))}
              {[oldSide, newSide].map((side) => (
                <Column key={side} kind="n">
                  <SideMark side={side}>
                    {side} {t("column.failures")}
                  </SideMark>
                </Column>
              ))}
            </>
          }
        >
          {callers.map((one) => (
            <tr key={one.caller} class="first">
              <th scope="row" title={one.caller}>
                {one.resource?.split("/").at(-1) ?? one.caller}
              </th>
              <td class="n" data-label={`${oldSide} ${t("column.requests")}`}>
                {number(one.old.requests)}
              </td>
              <td class="n" data-label={`${newSide} ${t("column.requests")}`}>
                {number(one.new.requests)}
              </td>
              <Failures seen={one.old} label={`${oldSide} ${t("column.failures")}`} />
              <Failures seen={one.new} label={`${newSide} ${t("column.failures")}`} />
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}

function Failures({ seen, label }: { seen: Seen; label: string }) {
  return (
    <td class={seen.failures ? "n bad" : "n"} data-label={label}>
      {number(seen.failures)}
      {seen.failures > 0 && ` (${percent(seen.failures / Math.max(1, seen.requests))})`}
    </td>
  );
}
