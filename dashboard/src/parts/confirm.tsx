/** Asks once before something is done, and says what will happen. */

import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { call, why } from "../data/api";
import { t } from "../text";

/** How many orders have been given: what they changed is asked for at once, as the stream of a busy
 * control plane may tell it seconds later. */
export const orders = signal(0);

export interface Order {
  title: string;
  what: string;
  operation: string;
  input: object;
  dangerous?: boolean;
}

export function Confirm({ order, close }: { order: Order; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error>();
  useEffect(() => dialog.current?.showModal(), []);

  const act = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await call(order.operation, order.input);
      orders.value++;
      dialog.current?.close();
    } catch (refused) {
      setError(refused as Error);
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="asked">
      <h2 id="asked">{order.title}</h2>
      <p>{order.what}</p>
      {error && (
        <p class="trouble" role="alert">
          {why(error)}
        </p>
      )}
      <div class="buttons">
        <button type="button" onClick={() => dialog.current?.close()}>
          {t("confirm.no")}
        </button>
        <button
          type="button"
          class={order.dangerous ? "danger" : "primary"}
          disabled={busy}
          onClick={act}
        >
          {busy ? t("confirm.busy") : order.title}
        </button>
      </div>
    </dialog>
  );
}
