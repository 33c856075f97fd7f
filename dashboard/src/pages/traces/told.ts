/** Lengths of time of steps, some of which are short. */

import { latency } from "../../text";

export function took(seconds: number | undefined): string {
  if (seconds === undefined) return "…";
  if (seconds > 0 && seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  return latency(seconds * 1000);
}
