/** What the page itself remembers of the traffic, for plots that move each second. Pure. */

import type { SideTraffic, Traffic } from "./wire";

export interface Sample {
  at: number;
  sides: Record<string, SideTraffic>;
}

const KEPT_SECONDS = 600;

/** The samples with one more of each service; those of services that are gone are dropped. */
export function recorded(
  known: Record<string, Sample[]>,
  traffic: Record<string, Traffic>,
  at: number,
): Record<string, Sample[]> {
  return Object.fromEntries(
    Object.entries(traffic).map(([service, one]) => {
      const kept = (known[service] ?? []).filter((sample) => sample.at > at - KEPT_SECONDS);
      return [service, [...kept, { at, sides: one.sides }]];
    }),
  );
}
