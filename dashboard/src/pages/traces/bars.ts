/** Where in a waterfall a step is drawn, and what it is called. Pure. */

import type { Counts, Outcome, Span, Trace } from "./wire";

export interface Bar {
  /** Both from 0 to 100, and never outside: the clocks of those who tell differ. */
  left: number;
  width: number;
}

/** Drawn at least so wide, to be seen. */
export const LEAST = 0.6;

/** As long as the step took, and when it ran as far as that is within its trace: clocks that differ
 * by a millisecond would else leave nothing of a step that took half of one.
 */
export function bar(span: Span, trace: Trace): Bar {
  const whole = Math.max(trace.seconds, 1e-9);
  const end = trace.startedAt + trace.seconds;
  const seconds = span.seconds ?? end - Math.max(span.startedAt, trace.startedAt);
  const width = within((100 * seconds) / whole, LEAST, 100);
  const left = within((100 * (span.startedAt - trace.startedAt)) / whole, 0, 100 - width);
  return { left, width };
}

function within(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

export function failed(one: Outcome): boolean {
  return Boolean(one.error || one.fault || one.throttle);
}

export function failures(one: Counts): number {
  return one.errors + one.faults + one.throttles;
}

/** The method and the URL without its scheme, or the name of the step. */
export function request(one: { method?: string; url?: string; name: string }): string {
  if (!one.url) return one.name;
  return `${one.method ?? ""} ${one.url.replace(/^\w+:\/\//, "")}`.trim();
}
