/** A sentence of the control plane, in the reader's language where that can be; else marked as
 * English for those who hear it. */

import { known, type Makings, told } from "../text/said";

export function Told({ text, by }: { text: string; by: { said?: Makings } | undefined }) {
  const lang = known(text, by?.said) ? undefined : "en";
  return <span lang={lang}>{told(text, by?.said)}</span>;
}
