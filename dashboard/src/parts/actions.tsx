/** Buttons, each of which asks once and says what will happen before it acts. */

import { useEffect, useRef, useState } from "preact/hooks";
import { mayAct } from "../data/session";
import { t, word } from "../text";
import { Confirm, type Order } from "./confirm";

interface Props<A extends string> {
  offered: A[];
  dangerous: ReadonlySet<A>;
  /** What is asked for an action, and done. */
  order: (action: A) => Omit<Order, "title" | "dangerous">;
  /** Another name of an action than its usual one. */
  name?: (action: A) => string;
}

const usual = (action: string) => word("action", action);

/** Pause and its way back are one button for whoever has the focus on it. */
const SAME: Record<string, string> = { resume: "pause" };

/** Offered, and never what the eye falls on: it leaves out what is still to be measured. */
const QUIET: ReadonlySet<string> = new Set(["promoteFull"]);

export function Actions<A extends string>({ offered, dangerous, order, name = usual }: Props<A>) {
  const [asked, ask] = useState<Order | null>(null);
  const field = useRef<HTMLFieldSetElement>(null);
  const acted = useRef(false);
  const shown = offered.join(" ");
  useEffect(() => {
    // The button that was pressed has gone with what it did: the focus stays at the actions.
    if (acted.current && document.activeElement === document.body) field.current?.focus();
  }, [shown, asked]);
  if (!mayAct()) return offered.length > 0 ? <p class="muted">{t("actions.viewer")}</p> : null;
  if (offered.length === 0 && !acted.current) return null;
  return (
    <fieldset class="buttons" ref={field} tabIndex={-1}>
      <legend class="visually-hidden">{t("actions.title")}</legend>
      {offered.map((action, index) => (
        <button
          type="button"
          key={SAME[action] ?? action}
          class={dangerous.has(action) ? "danger" : index || QUIET.has(action) ? "" : "primary"}
          onClick={() => {
            acted.current = true;
            const danger = dangerous.has(action);
            ask({ ...order(action), title: name(action), dangerous: danger });
          }}
        >
          {name(action)}
        </button>
      ))}
      {asked && <Confirm order={asked} close={() => ask(null)} />}
    </fieldset>
  );
}
