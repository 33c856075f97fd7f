/** Sentences of the control plane in the reader's language. They come in English, with what they are
 * made of (docs/stream.md): a template and the values in it. A template that is not known here, and
 * what others wrote, stays as it came. */

import { filled, language, word } from "..";
import { ASKING } from "./asking";
import { EVENTS } from "./events";
import { EXPLAINING } from "./explaining";
import { FAULTS } from "./faults";
import { GATES } from "./gates";
import { MACHINE } from "./machine";
import { REFUSING } from "./refusing";
import { STOPPING } from "./stopping";
import { WORKERS } from "./workers";

/** A text, and what it is made of, if that is known. */
export interface Said {
  text: string;
  template?: string;
  values?: Record<string, Said>;
}
/** By a text, what it is made of. */
export type Makings = Record<string, Said>;

const JAPANESE: Record<string, string> = {
  ...EXPLAINING,
  ...GATES,
  ...MACHINE,
  ...EVENTS,
  ...STOPPING,
  ...FAULTS,
  ...REFUSING,
  ...WORKERS,
  ...ASKING,
};

/** Between and around values, what is no word. */
const FORMS: [RegExp, string][] = [
  [/ and (?=\{)/g, "と"],
  [/; /g, "。"],
  [/: /g, "："],
  [/, /g, "、"],
  [/ \(/g, "（"],
  [/\)/g, "）"],
  [/\.$/, "。"],
];
const ONLY_FORMS = /^(?:\{\w+\}| and (?=\{)|[\s:;,.()[\]])*$/;

/** The Japanese of a template; undefined where it is not known. */
export function japanese(template: string): string | undefined {
  if (template in JAPANESE) return JAPANESE[template];
  if (!ONLY_FORMS.test(template)) return undefined;
  return FORMS.reduce((text, [form, theirs]) => text.replace(form, theirs), template);
}

function render(said: Said): string {
  const found = said.template === undefined ? undefined : japanese(said.template);
  if (found === undefined) return said.text;
  const values = Object.entries(said.values ?? {});
  return filled(found, Object.fromEntries(values.map(([name, one]) => [name, value(name, one)])));
}

/** States are words of the API, which have their text here. */
const STATES: ReadonlySet<string> = new Set(["state", "held_in"]);

function value(name: string, said: Said): string {
  return STATES.has(name) ? word("transition", said.text) : render(said);
}

/** Whether a text can be said in the reader's language. */
export function known(text: string, makings: Makings | undefined): boolean {
  if (language.value === "en") return true;
  const template = makings?.[text]?.template;
  return template !== undefined && japanese(template) !== undefined;
}

/** A text of the control plane in the reader's language, where that can be; else as it came. */
export function told(text: string, makings: Makings | undefined): string {
  const said = language.value === "en" ? undefined : makings?.[text];
  return said === undefined ? text : render(said);
}
