/** Figures of a deployment: rates of both sides, their difference, and evidence. Pure. */

import type { Sample } from "../../data/samples";
import type { Seen, Window } from "../../data/wire";

export interface Difference {
  /** The new side's share less the old one's. */
  difference: number;
  low: number;
  high: number;
}

/** Wilson's interval of a share of 95 %.
 * https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval */
function wilson(bad: number, all: number): [number, number] {
  const z = 1.96;
  const share = bad / all;
  const middle = share + (z * z) / (2 * all);
  const half = z * Math.sqrt((share * (1 - share)) / all + (z * z) / (4 * all * all));
  const whole = 1 + (z * z) / all;
  return [Math.max(0, (middle - half) / whole), Math.min(1, (middle + half) / whole)];
}

/** The difference of two shares with its interval of 95 %, by Newcombe's hybrid score.
 * https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I
 * undefined where one side has no request. */
export function difference(
  oldBad: number,
  oldAll: number,
  newBad: number,
  newAll: number,
): Difference | undefined {
  if (oldAll <= 0 || newAll <= 0) return undefined;
  const before = oldBad / oldAll;
  const after = newBad / newAll;
  const [lowBefore, highBefore] = wilson(oldBad, oldAll);
  const [lowAfter, highAfter] = wilson(newBad, newAll);
  const d = after - before;
  return {
    difference: d,
    low: d - Math.hypot(after - lowAfter, highBefore - before),
    high: d + Math.hypot(highAfter - after, before - lowBefore),
  };
}

/** What both sides saw in these windows together. */
export function summed(windows: readonly Window[]): { old: Seen; new: Seen } {
  const sum = (side: "old" | "new"): Seen =>
    windows.reduce(
      (all, window) => ({
        requests: all.requests + window[side].requests,
        failures: all.failures + window[side].failures,
        clientErrors: (all.clientErrors ?? 0) + (window[side].clientErrors ?? 0),
      }),
      { requests: 0, failures: 0, clientErrors: 0 } as Seen,
    );
  return { old: sum("old"), new: sum("new") };
}

/** An e-value of its natural logarithm, as people write it. */
export function eValue(log: number): string {
  if (log > Math.log(1e6)) return `10^${Math.round(log / Math.LN10)}`;
  const value = Math.exp(log);
  const round = Math.abs(value - Math.round(value)) < 1e-9;
  const digits = value < 10 ? 2 : value < 100 && !round ? 1 : 0;
  return value.toLocaleString("en-GB", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** How far an e-value is on its way to a bound, 0 to 1; evidence against it is no way back. */
export function wayTo(log: number, bound: number): number {
  return bound <= 0 ? 0 : Math.min(1, Math.max(0, log / bound));
}

export interface Course {
  times: number[];
  requests: [(number | null)[], (number | null)[]];
  errors: [(number | null)[], (number | null)[]];
  p50: [(number | null)[], (number | null)[]];
  p99: [(number | null)[], (number | null)[]];
}

const share = (bad: number, all: number): number | null => (all > 0 ? bad / all : null);

/** What was measured as it went, old side first: the stored windows, each at its end, and after
 * the last one what the page itself has seen until ``end``. */
export function course(
  windows: readonly Window[],
  samples: readonly Sample[],
  sides: [string, string],
  begin: number,
  end: number,
): Course {
  const points: { at: number; both: Parameters<typeof add>[1] }[] = windows.map((window) => ({
    at: window.startedAt + window.seconds,
    both: [
      { ...window.old, errors: window.old.failures },
      { ...window.new, errors: window.new.failures },
    ],
  }));
  const last = points.at(-1)?.at ?? begin;
  for (const sample of samples) {
    if (sample.at > last && sample.at <= end) {
      points.push({ at: sample.at, both: [sample.sides[sides[0]], sample.sides[sides[1]]] });
    }
  }
  const found: Course = {
    times: [],
    requests: [[], []],
    errors: [[], []],
    p50: [[], []],
    p99: [[], []],
  };
  for (const point of points) {
    found.times.push(point.at);
    add(found, point.both);
  }
  return found;
}

interface Measured {
  requests: number;
  errors: number;
  perSecond: number;
  p50?: number;
  p99?: number;
}

function add(found: Course, both: [Measured | undefined, Measured | undefined]): void {
  for (const index of [0, 1] as const) {
    const one = both[index];
    found.requests[index].push(one?.perSecond ?? null);
    found.errors[index].push(one ? share(one.errors, one.requests) : null);
    found.p50[index].push(one?.p50 ?? null);
    found.p99[index].push(one?.p99 ?? null);
  }
}
