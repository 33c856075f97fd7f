/** What the page knows, as signals: one for each section, so that only what shows it is drawn. */

import { computed, effect, type Signal, signal } from "@preact/signals";
import { between, type Moment, present } from "./moments";
import { byName } from "./order";
import { moving, recorded, type Sample } from "./samples";
import { session } from "./session";
import { blind, type Sight, Watch } from "./stream";
import { SECTIONS, type SectionName, type Sections, type Traffic } from "./wire";

type Shelves = { [S in SectionName]: Signal<Record<string, Sections[S]>> };

export const shelves = Object.fromEntries(
  SECTIONS.map((name) => [name, signal({})]),
) as unknown as Shelves;
export const seen = signal(false);
export const connected = signal(false);
/** The control plane's time in seconds, renewed each second. */
export const now = signal(Date.now() / 1000);
/** The traffic of each service that is deployed, since this page is open: ten minutes at most. */
export const samples = signal<Record<string, Sample[]>>({});

let offset = 0;
let heard: Moment = { wall: 0, steady: 0 };

/** How old what is seen is, in seconds. */
export function age(): number {
  return between(heard, present()) / 1000;
}

function show(sight: Sight): void {
  for (const name of SECTIONS) {
    const shelf = shelves[name] as Signal<unknown>;
    if (shelf.peek() !== sight.known[name]) shelf.value = sight.known[name];
  }
  seen.value = sight.seen;
  connected.value = sight.connected;
  if (heard.wall !== sight.heardAt) heard = { wall: sight.heardAt, steady: performance.now() };
  offset = sight.offset;
}

/** Run for as long as the page is open. */
export function watch(): void {
  let stop: AbortController | null = null;
  effect(() => {
    stop?.abort();
    stop = null;
    if (session.value === null) {
      show(blind());
      return;
    }
    stop = new AbortController();
    new Watch(session.value, show, stop.signal);
  });
  effect(() => {
    const traffic: Record<string, Traffic> = shelves.traffic.value;
    const at = (Date.now() + offset) / 1000;
    const wanted = moving(Object.values(shelves.deployments.peek()), at);
    samples.value = recorded(samples.peek(), traffic, wanted, at);
  });
  setInterval(() => {
    now.value = (Date.now() + offset) / 1000;
  }, 1000);
}

export const services = computed(() =>
  Object.values(shelves.services.value).sort((a, b) => byName(a.name, b.name)),
);
export const control = computed(() => shelves.control.value.control);
