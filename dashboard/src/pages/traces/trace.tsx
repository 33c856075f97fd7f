/** One trace as a waterfall: a table of its steps, of which each opens for its details. */

import { useState } from "preact/hooks";
import { Trouble, useAsked, useTick } from "../../parts/asking";
import { Column, Table } from "../../parts/marks";
import { link } from "../../router";
import { moment, number, t, word } from "../../text";
import { bar, failed, request } from "./bars";
import { Ended } from "./index";
import { took } from "./told";
import type { Span, Trace } from "./wire";

interface Answer {
  trace: Trace;
  spans: Span[];
}
/** Deeper steps are moved in no further, or nothing would be left for their names. */
const DEEPEST = 12;

export function TracePage({ id }: { id: string }) {
  const [going, setGoing] = useState(true);
  const [last, setLast] = useState<Answer>();
  const { answer, error } = useAsked<Answer>("GetTrace", { traceId: id }, useTick(2, going));
  const [open, setOpen] = useState<string[]>([]);
  const trace = answer?.trace;
  if (answer && answer !== last) {
    setLast(answer);
    // Each Envoy reports its own step, up to a second later than the others.
    const whole = !answer.trace.inProgress && answer.spans.length === last?.spans.length;
    if (whole && going) setGoing(false);
  }
  const toggle = (span: string) =>
    setOpen(open.includes(span) ? open.filter((one) => one !== span) : [...open, span]);
  return (
    <>
      <p class="back">
        <a href={link("traces")}>{t("trace.back")}</a>
      </p>
      <h1>{trace ? request(trace) : t("traces.title")}</h1>
      <Trouble error={error} />
      {answer && trace && (
        <>
          <p class="muted">
            {t("trace.what", {
              steps: number(answer.spans.length),
              services: number(trace.services.length),
              time: took(trace.seconds),
              at: moment(trace.startedAt),
            })}
            {trace.inProgress && ` (${t("trace.going")})`}{" "}
            {trace.refused && t("trace.refused", { n: number(trace.refused) })}
          </p>
          <Table
            label={t("trace.title", { id: trace.traceId })}
            head={
              <>
                <Column>{t("trace.step")}</Column>
                <Column>{t("traces.status")}</Column>
                <Column kind="wide">{t("trace.when")}</Column>
                <Column kind="n">{t("column.took")}</Column>
              </>
            }
          >
            {answer.spans.map((span) => (
              <Step
                key={span.spanId}
                span={span}
                trace={trace}
                open={open.includes(span.spanId)}
                toggle={() => toggle(span.spanId)}
              />
            ))}
          </Table>
          <p class="muted">
            {t("trace.id")} <code>{trace.traceId}</code>
          </p>
        </>
      )}
    </>
  );
}

function Step(props: { span: Span; trace: Trace; open: boolean; toggle: () => void }) {
  const { span, trace, open, toggle } = props;
  const { left, width } = bar(span, trace);
  const after = took(Math.max(0, span.startedAt - trace.startedAt));
  const text = t("trace.bar", { start: after, time: took(span.seconds) });
  const tone = failed(span) ? "bad" : span.kind;
  return (
    <>
      <tr class="first step">
        <th scope="row" class="deep" style={{ "--depth": String(Math.min(span.depth, DEEPEST)) }}>
          <button
            type="button"
            class="open"
            aria-expanded={open}
            aria-label={t("trace.details", { name: `${span.service} ${request(span)}` })}
            onClick={toggle}
          >
            <span aria-hidden="true">{open ? "▾" : "▸"}</span> {span.service}{" "}
            <span class="muted">{request(span)}</span>
          </button>
          <span class="visually-hidden">{t("trace.level", { n: span.depth + 1 })}</span>
        </th>
        <td>
          <Ended one={span} />
        </td>
        <td>
          <svg
            class={`span ${tone}`}
            viewBox="0 0 100 10"
            preserveAspectRatio="none"
            role="img"
            aria-label={text}
          >
            <title>{text}</title>
            <rect class="ground" width="100" height="10" />
            <rect class="set" x={left} y="1" width={width} height="8" />
          </svg>
        </td>
        <td class="n">{took(span.seconds)}</td>
      </tr>
      {open && (
        <tr>
          <td colSpan={4}>
            <Details span={span} />
          </td>
        </tr>
      )}
    </>
  );
}

function Details({ span }: { span: Span }) {
  const facts: [string, string | undefined][] = [
    [t("trace.why"), span.message],
    [t("trace.kind"), word("span", span.kind)],
    [t("trace.called"), span.remote],
    ["URL", span.url],
    [t("trace.proved"), span.resource],
    [t("trace.sender"), span.sender],
    [t("trace.id"), span.spanId],
    ...Object.entries(span.tags ?? {}),
  ];
  return (
    <dl class="told">
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
