/** How what is known follows from a snapshot and the changes after it. Pure. */

import { type Change, SECTIONS, type SectionName, type Snapshot } from "./wire";

export function nothing(): Snapshot {
  return Object.fromEntries(SECTIONS.map((name) => [name, {}])) as unknown as Snapshot;
}

/** A snapshot as it came, with every section there, also one that the sender does not have. */
export function whole(sent: Partial<Snapshot>): Snapshot {
  return { ...nothing(), ...sent };
}

/** What is known after the change. Sections without a change stay the same object. */
export function changed(known: Snapshot, change: Change): Snapshot {
  const next: Record<string, unknown> = { ...known };
  for (const name of Object.keys(change) as SectionName[]) {
    const { put, gone } = change[name] ?? {};
    const items: Record<string, unknown> = { ...known[name], ...put };
    for (const key of gone ?? []) delete items[key];
    next[name] = items;
  }
  return next as unknown as Snapshot;
}
