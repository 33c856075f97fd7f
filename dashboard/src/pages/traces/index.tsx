/** What requests did, hop by hop: the newest traces, one of them, and the map that they make. */

import { useState } from "preact/hooks";
import { call } from "../../data/api";
import { Trouble, useAsked, useTick } from "../../parts/asking";
import { Column, Empty, Table } from "../../parts/marks";
import { link, query, route } from "../../router";
import { moment, number, t } from "../../text";
import { failed, request } from "./bars";
import { ServiceMapPage } from "./map";
import { took } from "./told";
import { TracePage } from "./trace";
import type { Listed, Trace } from "./wire";

const PAGE = 100;
const SECONDS = 5;

export function TracesPage({ id }: { id: string | undefined }) {
  if (id !== undefined && id !== "map") return <TracePage key={id} id={id} />;
  return (
    <>
      <h1>{t("traces.title")}</h1>
      <nav class="tabs" aria-label={t("traces.title")}>
        <a href={link("traces")} aria-current={id === undefined ? "page" : undefined}>
          {t("traces.list")}
        </a>
        <a href={link("traces", "map")} aria-current={id === "map" ? "page" : undefined}>
          {t("traces.map")}
        </a>
      </nav>
      {id === "map" ? <ServiceMapPage /> : <List />}
    </>
  );
}

function List() {
  const { query: asked } = route.value;
  const service = asked.get("service") ?? "";
  const only = asked.get("failed") === "1";
  const least = asked.get("least") ?? "";
  const input = {
    limit: PAGE,
    ...(service && { service }),
    ...(only && { failedOnly: true }),
    ...(Number(least) > 0 && { minSeconds: Number(least) / 1000 }),
  };
  const [older, setOlder] = useState<{ of: string; pages: Listed[] }>({ of: "", pages: [] });
  const [refused, setRefused] = useState<string>();
  const key = JSON.stringify(input);
  const pages = older.of === key ? older.pages : [];
  const [reached, reach] = useState(false);
  // What is new would move what is being read, or take the row away on which the keyboard is: it
  // waits until one is back at the first page, and out of the rows.
  const { answer, error } = useAsked<Listed>(
    "ListTraces",
    input,
    useTick(SECONDS, pages.length === 0 && !reached),
  );
  const next = (pages.at(-1) ?? answer)?.nextToken;
  const further = async () => {
    try {
      const page = await call<Listed>("ListTraces", { ...input, nextToken: next });
      setOlder({ of: key, pages: [...pages, page] });
      setRefused(undefined);
    } catch (found) {
      setRefused((found as Error).message);
    }
  };
  const change = (values: Record<string, string>) =>
    query({ service, failed: only ? "1" : "", least, ...values });
  const traces = [...(answer?.traces ?? []), ...pages.flatMap((page) => page.traces)];
  if (answer && answer.kept === 0) return <NoTraces />;
  return (
    <>
      <search class="search">
        <label>
          <span>{t("traces.service")}</span>
          <select
            value={service}
            onChange={(event) => change({ service: event.currentTarget.value })}
          >
            <option value="">{t("traces.every")}</option>
            {[...new Set([...(answer?.services ?? []), service])].filter(Boolean).map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>{t("traces.least")}</span>
          <input
            type="number"
            min="0"
            value={least}
            onInput={(event) => change({ least: event.currentTarget.value })}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={only}
            onChange={(event) => change({ failed: event.currentTarget.checked ? "1" : "" })}
          />
          <span>{t("traces.failed")}</span>
        </label>
      </search>
      <Trouble error={error ?? refused} />
      {answer && traces.length === 0 && <p class="muted">{t("traces.such")}</p>}
      {traces.length > 0 && (
        <div onFocusIn={() => reach(true)} onFocusOut={() => reach(false)}>
          <Rows traces={traces} />
        </div>
      )}
      {next !== undefined && (
        <div class="buttons">
          <button type="button" onClick={further}>
            {t("traces.more")}
          </button>
        </div>
      )}
      {answer && <p class="muted">{t("traces.kept", { n: number(answer.kept) })}</p>}
    </>
  );
}

function Rows({ traces }: { traces: Trace[] }) {
  return (
    <Table
      label={t("traces.list")}
      kind="terse"
      head={
        <>
          <Column>{t("traces.at")}</Column>
          <Column>{t("traces.request")}</Column>
          <Column>{t("column.service")}</Column>
          <Column>{t("traces.status")}</Column>
          <Column kind="n">{t("column.took")}</Column>
          <Column kind="n">{t("traces.steps")}</Column>
        </>
      }
    >
      {traces.map((one) => (
        <tr key={one.traceId} class="first">
          <td class="when whole" data-label={t("traces.at")}>
            {moment(one.startedAt)}
          </td>
          <td class="request whole" data-label={t("traces.request")}>
            <a href={link("traces", one.traceId)} title={one.traceId}>
              {request(one)}
            </a>
          </td>
          <td class="whole" data-label={t("column.service")} title={one.services.join(", ")}>
            {one.service}
          </td>
          <td data-label={t("traces.status")}>
            <Ended one={one} />
          </td>
          <td class="n" data-label={t("column.took")}>
            {one.inProgress ? "…" : took(one.seconds)}
          </td>
          <td class="n" data-label={t("traces.steps")}>
            {number(one.spans)}
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** The status with a sign, and the word for what it was where it failed. */
export function Ended({ one }: { one: { status?: number } & Parameters<typeof failed>[0] }) {
  if (!failed(one)) return <span>{one.status ?? "–"}</span>;
  return (
    <span class="bad">
      <span aria-hidden="true">✖</span> {one.status ?? ""}{" "}
      {one.status === undefined && t("trace.failed")}
    </span>
  );
}

export function NoTraces() {
  return (
    <Empty title={t("traces.none")}>
      <p>{t("traces.how")}</p>
      <pre>
        <code>teal up --trace 0.1</code>
      </pre>
      <p class="muted">{t("traces.how.xray")}</p>
    </Empty>
  );
}
