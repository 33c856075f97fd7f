/** A sentence of the control plane, in the reader's language where that can be; else marked as
 * English for those who hear it. What one can type is between backticks there, and code here. */

import { known, type Makings, told } from "../text/said";

export function Told({
  text,
  by,
}: {
  text: string;
  by: { said?: Makings | undefined } | undefined;
}) {
  const lang = known(text, by?.said) ? undefined : "en";
  return <span lang={lang}>{typed(told(text, by?.said))}</span>;
}

function typed(sentence: string) {
  const parts = sentence.split("`");
  // A backtick without another one is some program's.
  if (parts.length % 2 === 0) return sentence;
  return parts.map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part));
}
