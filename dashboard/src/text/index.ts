/** The page's language: the browser's, or the one that was chosen. */

import { computed, effect, signal } from "@preact/signals";
import { TEXTS } from "./texts";

export type Language = "en" | "ja";
export type Key = keyof typeof TEXTS;

const KEPT = "teal.language";

function first(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === "en" || kept === "ja") return kept;
  return navigator.language.startsWith("ja") ? "ja" : "en";
}

export const language = signal<Language>(first());

export function choose(chosen: Language): void {
  localStorage.setItem(KEPT, chosen);
  language.value = chosen;
}

effect(() => {
  document.documentElement.lang = language.value;
});

/** The text of a key, with {names} replaced. */
export function filled(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? `{${name}}`));
}

export function t(key: Key, values: Record<string, string | number> = {}): string {
  return filled(TEXTS[key][language.value === "en" ? 0 : 1], values);
}

/** The text of a word of the API, such as a state; the word itself where there is none. */
export function word(kind: string, name: string): string {
  const key = `${kind}.${name.replaceAll(" ", "_")}`;
  return key in TEXTS ? t(key as Key) : name.toLowerCase().replaceAll("_", " ");
}

const locale = computed(() => (language.value === "ja" ? "ja-JP" : "en-GB"));

/** Formats are made once a language and form: making one takes longer than a hundred uses of it,
 * and a large fleet has thousands of numbers. */
const numbers = new Map<string, Intl.NumberFormat>();
const moments = new Map<string, Intl.DateTimeFormat>();

function made<Format>(known: Map<string, Format>, form: string, make: () => Format): Format {
  let found = known.get(form);
  if (found === undefined) {
    found = make();
    known.set(form, found);
  }
  return found;
}

export function number(value: number, digits = 0): string {
  const make = () =>
    new Intl.NumberFormat(locale.value, {
      maximumFractionDigits: digits,
      minimumFractionDigits: digits,
    });
  return made(numbers, `${locale.value} ${digits}`, make).format(value);
}

/** A share from 0 to 1. */
export function percent(share: number | undefined, digits?: number): string {
  if (share === undefined || Number.isNaN(share)) return "–";
  const hundred = share * 100;
  const shown = digits ?? (hundred === 0 || hundred >= 99.995 ? 0 : hundred < 1 ? 2 : 1);
  return `${number(hundred, shown)} %`;
}

/** Requests a second. */
export function rate(value: number | undefined): string {
  if (value === undefined) return "–";
  return number(value, value > 0 && value < 10 ? 1 : 0);
}

/** A latency in milliseconds. */
export function latency(ms: number | undefined): string {
  if (ms === undefined) return "–";
  return ms >= 1000 ? `${number(ms / 1000, 2)} s` : `${number(ms, ms > 0 && ms < 10 ? 1 : 0)} ms`;
}

/** A length of time in seconds. */
export function duration(seconds: number): string {
  const all = Math.max(0, Math.round(seconds));
  if (all < 60) return t("time.seconds", { n: all });
  if (all < 3600) return t("time.minutes", { m: Math.floor(all / 60), s: all % 60 });
  if (all < 86400)
    return t("time.hours", { h: Math.floor(all / 3600), m: Math.floor((all % 3600) / 60) });
  return t("time.days", { d: Math.floor(all / 86400), h: Math.floor((all % 86400) / 3600) });
}

export function clock(at: number): string {
  const make = () =>
    new Intl.DateTimeFormat(locale.value, {
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hour12: false,
    });
  return made(moments, `${locale.value} clock`, make).format(at * 1000);
}

/** Day and time with the zone, which is the browser's. */
export function moment(at: number): string {
  const make = () =>
    new Intl.DateTimeFormat(locale.value, {
      year: "numeric",
      month: language.value === "ja" ? "2-digit" : "short",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hour12: false,
      timeZoneName: "short",
    });
  return made(moments, locale.value, make).format(at * 1000);
}

/** The text of a key for a number: English has another form of it for one. */
export function counted(
  one: Key,
  many: Key,
  n: number,
  values: Record<string, string | number> = {},
): string {
  return t(n === 1 ? one : many, { n: number(n), ...values });
}
