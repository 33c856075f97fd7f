/** What the page itself remembers of the traffic, for plots that move each second. Pure. */

import type { SideTraffic, Traffic } from "./wire";

export interface Sample {
  at: number;
  sides: Record<string, SideTraffic>;
}

const KEPT_SECONDS = 600;

/** What is to be known of a deployment. */
interface Moving {
  service: string;
  finishedAt?: number;
}

/** The services whose plots need samples: those of deployments that run, or ended a while ago. */
export function moving(deployments: Iterable<Moving>, at: number): Set<string> {
  const found = new Set<string>();
  for (const one of deployments) {
    if (one.finishedAt === undefined || one.finishedAt > at - KEPT_SECONDS) found.add(one.service);
  }
  return found;
}

/** The samples with one more of each service in ``wanted``; those of others are dropped: of
 * hundreds of services that are at rest, nothing is remembered. */
export function recorded(
  known: Record<string, Sample[]>,
  traffic: Record<string, Traffic>,
  wanted: ReadonlySet<string>,
  at: number,
): Record<string, Sample[]> {
  const found: Record<string, Sample[]> = {};
  for (const service of wanted) {
    const one = traffic[service];
    if (one === undefined) continue;
    const kept = (known[service] ?? []).filter((sample) => sample.at > at - KEPT_SECONDS);
    found[service] = [...kept, { at, sides: one.sides }];
  }
  return found;
}
