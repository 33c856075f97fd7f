/** Small marks. None tells anything by its colour alone. */

import type { ComponentChildren } from "preact";
import { now } from "../data/state";
import type { Envoy, Verdict } from "../data/wire";
import { duration, moment, percent, t, word } from "../text";
import { told } from "../text/said";

const SIGNS: Record<Verdict, string> = { PASS: "✔", FAIL: "✖", NEED_DATA: "◌", UNKNOWN: "?" };

export function VerdictMark({ verdict }: { verdict: Verdict | undefined }) {
  const name = verdict ?? "UNKNOWN";
  return (
    <span class={`verdict ${name.toLowerCase()}`}>
      <span aria-hidden="true">{SIGNS[name]}</span> {word("verdict", name)}
    </span>
  );
}

const TONES: Record<string, string> = {
  serving: "good",
  SUCCESSFUL: "good",
  deploying: "busy",
  IN_PROGRESS: "busy",
  "going back": "warn",
  ROLLBACK_IN_PROGRESS: "warn",
  ROLLBACK_SUCCESSFUL: "warn",
  paused: "warn",
  "awaiting approval": "warn",
  held: "warn",
  degraded: "warn",
  "rolled back": "warn",
  aborted: "calm",
  STOPPED: "warn",
  problem: "bad",
  failed: "bad",
  down: "bad",
  ROLLBACK_FAILED: "bad",
};
const ICONS: Record<string, string> = { good: "●", busy: "◐", warn: "▲", bad: "✖", calm: "○" };

export function StateMark({ state }: { state: string }) {
  const tone = TONES[state] ?? "calm";
  return (
    <span class={`state ${tone}`}>
      <span aria-hidden="true">{ICONS[tone]}</span> {word("state", state)}
    </span>
  );
}

/** A side's name with its colour and its shape: blue is a square, green a triangle. */
export function SideMark({ side, children }: { side: string; children?: ComponentChildren }) {
  const shape = side === "blue" ? "■" : side === "green" ? "▲" : "●";
  return (
    <span class={`side ${side}`}>
      <span aria-hidden="true">{shape}</span> {children ?? side}
    </span>
  );
}

/** How long ago, counting on; the moment itself is its title. */
export function Ago({ at }: { at: number | undefined }) {
  if (at === undefined) return <span class="muted">–</span>;
  return (
    <time dateTime={new Date(at * 1000).toISOString()} title={moment(at)}>
      {duration(now.value - at)}
    </time>
  );
}

/** How long something took, or has taken by now. */
export function Took({ from, to }: { from: number; to: number | undefined }) {
  if (to !== undefined) return <>{duration(to - from)}</>;
  return <span class="muted">{duration(now.value - from)} …</span>;
}

/** A bar of what was set and, below it, what was measured; both from 0 to 1. */
export function ShareBar(props: { set: number; measured: number | undefined; side: string }) {
  const { set, measured, side } = props;
  const text = t("share.told", { set: percent(set, 0), measured: percent(measured) });
  return (
    <svg class={`share ${side}`} viewBox="0 0 100 10" preserveAspectRatio="none" role="img">
      <title>{text}</title>
      <rect class="ground" width="100" height="10" rx="1" />
      <rect class="set" width={set * 100} height="4.500" />
      <rect class="measured" y="5.500" width={(measured ?? 0) * 100} height="4.500" />
    </svg>
  );
}

/** An image's name, of which the tag matters most. */
export function Image({ name }: { name: string | undefined }) {
  if (name === undefined) return <span class="muted">–</span>;
  const short = name.split("/").at(-1) ?? name;
  return (
    <code title={name} class="image">
      {short}
    </code>
  );
}

/** How something ended, or what it does: what a person aborted has not failed. */
export function outcome(one: { status: string; endedBy?: string }): string {
  const over = one.status === "ROLLBACK_SUCCESSFUL" || one.status === "STOPPED";
  return over && one.endedBy ? "aborted" : one.status;
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="title">{title}</p>
      {children}
    </div>
  );
}

/** The heading of a column: of numbers ("n"), or of a bar that wants room ("wide"). */
export function Column(props: { kind?: "n" | "wide"; children: ComponentChildren }) {
  return (
    <th scope="col" class={props.kind}>
      {props.children}
    </th>
  );
}

/** A table that scrolls by itself where it is too wide, also by keyboard; on a narrow page each row
 * is a card, whose cells are named by their `data-label`. ``titled``: its label is seen. ``kind``: "tasks", whose
 * columns are where those of the next such table are; on a narrow page "fleet", whose cards begin
 * with name and sentence, and "terse", with names and values in one line. */
export function Table(props: {
  label: string;
  titled?: boolean;
  kind?: "fleet" | "tasks" | "terse" | "pairs";
  head: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class={`table ${props.kind ?? ""}`} aria-label={props.label} tabIndex={0}>
      {props.titled && <h2>{props.label}</h2>}
      <table>
        <thead>
          <tr>{props.head}</tr>
        </thead>
        <tbody>{props.children}</tbody>
      </table>
    </section>
  );
}

/** Whether an Envoy runs the newest revision. */
export function EnvoyMark({ envoy }: { envoy: Envoy }) {
  if (envoy.message) {
    return (
      <span class="bad" title={`"${envoy.message}"`}>
        ✖ {t("envoy.rejects")}
      </span>
    );
  }
  if (!envoy.connected)
    return (
      <span class="warn" title={envoy.note && told(envoy.note, envoy.said)}>
        ▲ {t("envoy.gone")}
      </span>
    );
  return envoy.current ? (
    <span>✔ {t("envoy.current")}</span>
  ) : (
    <span class="warn">◌ {t("envoy.lags", { revision: envoy.revision ?? 0 })}</span>
  );
}
