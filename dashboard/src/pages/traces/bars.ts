/** Where in a waterfall a step is drawn, and what it is called. Pure. */

import type { Counts, Outcome, Span, Trace } from "./wire";

export interface Bar {
  /** Both from 0 to 100, and never outside: the clocks of those who tell differ. */
  left: number;
  width: number;
}

/** Drawn at least so wide, to be seen. */
export const LEAST = 0.6;

export function bar(span: Span, trace: Trace): Bar {
  const whole = Math.max(trace.seconds, 1e-9);
  const share = (at: number) => Math.min(100, Math.max(0, (100 * (at - trace.startedAt)) / whole));
  const left = Math.min(share(span.startedAt), 100 - LEAST);
  const end =
    span.seconds === undefined ? trace.startedAt + trace.seconds : span.startedAt + span.seconds;
  return { left, width: Math.min(100 - left, Math.max(LEAST, share(end) - left)) };
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
