/** The steps as a track, and what was set and measured at each. */

import type { Deployment } from "../../data/wire";
import { Column, SideMark, Table } from "../../parts/marks";
import { duration, latency, number, percent, t, word } from "../../text";
import { type Stop, stops } from "./track";

const SIGNS = { done: "✔", here: "●", ahead: "○", left: "✖" } as const;

export function Track({ deployment }: { deployment: Deployment }) {
  return (
    <section class="card" aria-labelledby="track">
      <h2 id="track">{t("track.title")}</h2>
      <ol class="track">
        {stops(deployment).map((stop) => (
          <li
            key={stop.key}
            class={stop.standing}
            aria-current={stop.standing === "here" ? "step" : undefined}
          >
            <span class="dot" aria-hidden="true">
              {SIGNS[stop.standing]}
            </span>
            <span class="name">{named(stop)}</span>
            <span class="visually-hidden">{word("standing", stop.standing)}</span>
          </li>
        ))}
      </ol>
      <Now deployment={deployment} />
      <Evidence deployment={deployment} />
    </section>
  );
}

function named(stop: Stop): string {
  return stop.weight === undefined ? word("stop", stop.key) : percent(stop.weight / 100, 0);
}

function Now({ deployment }: { deployment: Deployment }) {
  const last = deployment.evidence?.at(-1);
  const side = deployment.newSide;
  if (last === undefined || side === undefined) return null;
  const set = last.expectedShare ?? weight(last.weights, side);
  return (
    <dl class="bars">
      <dt>
        <SideMark side={side} /> {t("track.set")}
      </dt>
      <dd>
        <Bar share={set} side={side} kind="set" />
        <b>{percent(set)}</b>
      </dd>
      <dt>
        <SideMark side={side} /> {t("track.measured")}
      </dt>
      <dd>
        <Bar share={last.share ?? 0} side={side} kind="measured" />
        <b>{percent(last.share)}</b>
      </dd>
    </dl>
  );
}

function weight(weights: Record<string, number>, side: string): number {
  const total = Object.values(weights).reduce((sum, one) => sum + one, 0);
  return total > 0 ? (weights[side] ?? 0) / total : 0;
}

function Bar({ share, side, kind }: { share: number; side: string; kind: string }) {
  return (
    <svg class={`share ${side}`} viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      <rect class="ground" width="100" height="10" />
      <rect class={kind} width={share * 100} height="10" />
    </svg>
  );
}

function Evidence({ deployment }: { deployment: Deployment }) {
  const evidence = deployment.evidence ?? [];
  if (evidence.length === 0) return null;
  return (
    <Table
      label={t("track.evidence")}
      head={
        <>
          <Column>{t("column.step")}</Column>
          <Column kind="n">{t("column.set")}</Column>
          <Column kind="n">{t("column.measured")}</Column>
          <Column kind="n">{t("column.requests")}</Column>
          <Column kind="n">{t("column.failures")}</Column>
          <Column kind="n">{t("column.p50")}</Column>
          <Column kind="n">{t("column.p99")}</Column>
          <Column kind="n">{t("column.propagation")}</Column>
          <Column kind="n">{t("column.took")}</Column>
        </>
      }
    >
      {evidence.map((one) => (
        <tr key={`${one.step} ${one.startedAt}`} class="first">
          <th scope="row" data-label={t("column.step")}>
            {one.step + 1}
          </th>
          <td class="n" data-label={t("column.set")}>
            {percent(one.expectedShare ?? weight(one.weights, deployment.newSide ?? ""))}
          </td>
          <td class="n" data-label={t("column.measured")}>
            {percent(one.share)}
          </td>
          <td class="n" data-label={t("column.requests")}>
            {number(one.requests)}
          </td>
          <td
            class={one.failures ? "n bad" : "n"}
            title={kinds(one.failureKinds)}
            data-label={t("column.failures")}
          >
            {number(one.failures)}
          </td>
          <td class="n" data-label={t("column.p50")}>
            {latency(one.p50)}
          </td>
          <td class="n" data-label={t("column.p99")}>
            {latency(one.p99)}
          </td>
          <td class="n" data-label={t("column.propagation")}>
            {one.propagationSeconds === undefined ? "–" : latency(one.propagationSeconds * 1000)}
          </td>
          <td class="n" data-label={t("column.took")}>
            {one.startedAt !== undefined && one.finishedAt !== undefined
              ? duration(one.finishedAt - one.startedAt)
              : "–"}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function kinds(found: Record<string, number> | undefined): string {
  return Object.entries(found ?? {})
    .map(([kind, count]) => `${kind}: ${count}`)
    .join(", ");
}
