/** The gates of the present step, each with what it knows and what it needs. */

import type { Deployment, GateVerdict, HookAnswer, Seen, Window } from "../../data/wire";
import { VerdictMark } from "../../parts/marks";
import { Told } from "../../parts/told";
import { counted, number, percent, t, word } from "../../text";
import { difference, eValue, summed, wayTo } from "./figures";

/** The verdicts to show: of the step it is at, or the last one that has any. */
export function verdicts(deployment: Deployment): GateVerdict[] {
  const judged = deployment.evidence?.findLast((one) => (one.verdicts ?? []).length > 0);
  return [...(judged?.verdicts ?? []), ...(deployment.besideVerdicts ?? [])];
}

export function Gates({ deployment, windows }: { deployment: Deployment; windows: Window[] }) {
  const shown = verdicts(deployment);
  const step = deployment.evidence?.at(-1)?.step ?? 0;
  const both = summed(windows.filter((window) => window.step === step));
  return (
    <section class="card" aria-labelledby="gates">
      <h2 id="gates">{t("gates.title")}</h2>
      {shown.length === 0 && <p class="muted">{t("gates.none")}</p>}
      <ul class="gates">
        {shown.map((one) => (
          <Gate key={one.gate} gate={one} both={both} deployment={deployment} />
        ))}
        {(deployment.hooks ?? []).map((hook) => (
          <Hook key={`${hook.name} ${hook.stage} ${hook.step} ${hook.startedAt}`} hook={hook} />
        ))}
      </ul>
    </section>
  );
}

function Gate(props: {
  gate: GateVerdict;
  both: { old: Seen; new: Seen };
  deployment: Deployment;
}) {
  const { gate, both, deployment } = props;
  return (
    <li class="gate">
      <div class="head">
        <h3>{named(gate.gate)}</h3>
        <VerdictMark verdict={gate.verdict} />
      </div>
      <p class="detail">
        <Told text={gate.detail} by={deployment} />
      </p>
      {gate.need !== undefined && gate.have !== undefined && <Need gate={gate} />}
      {gate.evidence && <Evidence gate={gate} />}
      {gate.evidence && <Compared gate={gate} both={both} deployment={deployment} />}
    </li>
  );
}

/** The control plane puts these words behind a gate's name where nothing is left to compare with. */
const SINCE = " since the shift";

function named(gate: string): string {
  return gate.endsWith(SINCE) ? t("gates.since", { gate: gate.slice(0, -SINCE.length) }) : gate;
}

function Need({ gate }: { gate: GateVerdict }) {
  const have = gate.have ?? 0;
  const need = gate.need ?? 0;
  return (
    <div class="need">
      <Meter way={need > 0 ? have / need : 1} tone="accent" />
      <span>
        {t(have < need ? "gates.need" : "gates.have", {
          have: number(have),
          need: number(need),
          unit: unit(gate.unit ?? "", Math.max(have, need)),
        })}
      </span>
    </div>
  );
}

/** What is counted, as English says it of one. */
function unit(name: string, count: number): string {
  return word("unit", count === 1 ? name.replace(/s$/, "") : name);
}

export function Meter({ way, tone }: { way: number; tone: string }) {
  return (
    <svg class={`meter ${tone}`} viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="ground" width="100" height="6" />
      <rect class="way" width={Math.min(1, Math.max(0, way)) * 100} height="6" />
    </svg>
  );
}

/** E against the new side and for it, each on its way to the bound at which it decides. */
function Evidence({ gate }: { gate: GateVerdict }) {
  const e = gate.evidence;
  if (e === undefined) return null;
  const good = Math.max(e.logEAlike, e.logEBelow ?? Number.NEGATIVE_INFINITY);
  return (
    <dl class="evidence">
      <dt>{t("gates.against")}</dt>
      <dd>
        <Meter way={wayTo(e.logEWorse, e.failAt)} tone="bad" />
        <span>{t("gates.e", { e: eValue(e.logEWorse), bound: eValue(e.failAt) })}</span>
      </dd>
      <dt>{t("gates.for")}</dt>
      <dd>
        <Meter way={wayTo(good, e.passAt)} tone="good" />
        <span>{t("gates.e", { e: eValue(good), bound: eValue(e.passAt) })}</span>
      </dd>
    </dl>
  );
}

function Compared(props: {
  gate: GateVerdict;
  both: { old: Seen; new: Seen };
  deployment: Deployment;
}) {
  const { gate, both, deployment } = props;
  const what = gate.gate === "errors" ? "failures" : "clientErrors";
  if (gate.gate !== "errors" && gate.gate !== "client-errors") return null;
  const before = both.old[what] ?? 0;
  const after = both.new[what] ?? 0;
  const found = difference(before, both.old.requests, after, both.new.requests);
  if (found === undefined) return null;
  const side = (name: string | undefined, bad: number, all: number) =>
    `${name ?? ""} ${percent(bad / all)} (${number(bad)}/${number(all)})`;
  return (
    <p class="compared">
      {side(deployment.oldSide, before, both.old.requests)} →{" "}
      {side(deployment.newSide, after, both.new.requests)} ·{" "}
      {t("gates.difference", {
        d: points(found.difference),
        low: points(found.low),
        high: points(found.high),
      })}
    </p>
  );
}

function points(share: number): string {
  return `${share > 0 ? "+" : share < 0 ? "−" : ""}${number(Math.abs(share) * 100, 2)}`;
}

function Hook({ hook }: { hook: HookAnswer }) {
  return (
    <li class="gate">
      <div class="head">
        <h3>{t("gates.hook", { name: hook.name })}</h3>
        <VerdictMark verdict={hook.verdict ?? "NEED_DATA"} />
      </div>
      <p class="detail" lang="en">
        {hook.detail ?? ""} <span class="muted">{hook.stage}</span>{" "}
        <span class="muted">{counted("gates.once", "gates.tries", hook.tries)}</span>
      </p>
    </li>
  );
}
