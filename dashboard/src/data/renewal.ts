/** Whether the control plane serves another page than this one, as after an update: what this one
 * would load later, such as the layout of the map, is gone then. */

/** What to do: nothing, load the new page, or say that this one is old. */
export type Renewal = "none" | "load" | "tell";

export interface Standing {
  /** The script of the page that is served, and of this one. Undefined where that is not known. */
  served: string | undefined;
  mine: string | undefined;
  /** What this tab was loaded for already: if it is old all the same, as between two control planes
   * of different versions, loading it again and again would help nobody. */
  tried: string | null;
  /** Whether somebody is in the middle of something. */
  busy: boolean;
}

/** Pure. */
export function renewal({ served, mine, tried, busy }: Standing): Renewal {
  if (served === undefined || mine === undefined || served === mine) return "none";
  return busy || tried === served ? "tell" : "load";
}

const KEPT = "teal.page";

/** The script of this page. */
function mine(): string | undefined {
  const script = document.querySelector<HTMLScriptElement>("script[type=module][src]");
  return script?.src.split("/").at(-1);
}

function busy(): boolean {
  const at = document.activeElement;
  const typing = at instanceof HTMLInputElement || at instanceof HTMLTextAreaElement;
  return typing || document.querySelector("dialog[open], [role=dialog]") !== null;
}

export function standing(served: string | undefined): Standing {
  return { served, mine: mine(), tried: sessionStorage.getItem(KEPT), busy: busy() };
}

/** Load what is served; the session and the address stay. */
export function load(served: string | undefined): void {
  sessionStorage.setItem(KEPT, served ?? "");
  location.reload();
}
