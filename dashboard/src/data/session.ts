/** The session: from the one-time code of `teal open`, or from what a proxy in front says of who one
 * is, to a token that only this origin's tabs have.
 *
 * The token is in sessionStorage and sent as a header; a cookie would go to every other server of
 * this machine, as cookies ignore ports. A new tab asks the tabs that are open for theirs. */

import { signal } from "@preact/signals";
import type { Makings } from "../text/said";

export interface Session {
  token: string;
  expires: number;
  actor: string;
  access: "viewer" | "deployer" | "admin";
  /** Whether a proxy said who one is: it is asked again when the session has ended. */
  named?: boolean;
}

const KEY = "teal.session";
const CHANNEL = "teal.session";

export const session = signal<Session | null>(null);
/** What was refused, in the server's own words, and what they are made of. */
export interface Refusal {
  text: string;
  said?: Makings | undefined;
}
/** Why there is no session, where something was tried. */
export const refusal = signal<Refusal | null>(null);
export const seeking = signal(true);

/** Whether this tab has asked the others for theirs, and none has answered yet. */
let asking = false;

type Heard = { kind: "who" } | { kind: "this"; session: Session };

function kept(): Session | null {
  try {
    const text = sessionStorage.getItem(KEY);
    return text === null ? null : (JSON.parse(text) as Session);
  } catch {
    return null;
  }
}

function keep(found: Session): void {
  asking = false;
  session.value = found;
  refusal.value = null;
  sessionStorage.setItem(KEY, JSON.stringify(found));
}

/** Forget the session, as the control plane does not know it any more. */
export function forget(why: Refusal | null): void {
  asking = false;
  const named = session.value?.named === true;
  sessionStorage.removeItem(KEY);
  session.value = null;
  refusal.value = why;
  // The proxy may still know who one is; if not, that is said.
  if (named && why !== null) void recognise().catch(() => undefined);
}

/** Read the code out of the address, and take it out of there at once. */
export function codeOf(hash: string): string | null {
  return /^#code=([^&]+)$/.exec(hash)?.[1] ?? null;
}

/** What the server answers where it refuses. */
export interface RefusedAnswer {
  message?: string;
  said?: Makings;
}

export function refused(answer: Response, { message, said }: RefusedAnswer): Refusal {
  return { text: message ?? `HTTP ${answer.status}`, said };
}

async function exchange(code: string): Promise<void> {
  const answer = await fetch("/_teal/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ code: decodeURIComponent(code) }),
  });
  const body = (await answer.json()) as Session & RefusedAnswer;
  if (answer.ok) keep(body);
  else refusal.value = refused(answer, body);
}

/** Begin a session by what a proxy in front says of who one is; there may be none. */
async function recognise(): Promise<void> {
  const answer = await fetch("/_teal/session/identity", { method: "POST" });
  if (answer.status === 204 || answer.status === 404) return;
  const body = (await answer.json()) as Session & RefusedAnswer;
  if (answer.ok) keep({ ...body, named: true });
  else refusal.value = refused(answer, body);
}

/** A session of another tab of this browser, or null after a moment without an answer; one that
 * is busy answers later, and is heard then. */
function borrowed(channel: BroadcastChannel): Promise<Session | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), 300);
    channel.addEventListener("message", (event: MessageEvent<Heard>) => {
      if (event.data.kind === "this") {
        clearTimeout(timer);
        resolve(event.data.session);
      }
    });
    asking = true;
    channel.postMessage({ kind: "who" } satisfies Heard);
  });
}

/** Find the session of this tab: by a code, kept before a reload, or another tab's. */
export async function begin(): Promise<void> {
  const channel = new BroadcastChannel(CHANNEL);
  const code = codeOf(location.hash);
  if (code !== null) history.replaceState(null, "", `${location.pathname}#/`);
  try {
    if (code !== null) await exchange(code);
    session.value ??= kept();
    const other = session.value === null ? await borrowed(channel) : null;
    if (other !== null) keep(other);
    if (session.value === null && code === null) await recognise();
  } catch (error) {
    refusal.value = { text: String(error) };
  }
  channel.addEventListener("message", (event: MessageEvent<Heard>) => {
    if (event.data.kind === "who" && session.value !== null) {
      channel.postMessage({ kind: "this", session: session.value } satisfies Heard);
    }
    if (event.data.kind === "this" && asking) keep(event.data.session);
  });
  seeking.value = false;
}

/** End the session, here and at the control plane. */
export async function end(): Promise<void> {
  const token = session.value?.token;
  const shown = token === undefined ? {} : authorization(token);
  forget(null);
  if (token !== undefined) {
    await fetch("/_teal/session", { method: "DELETE", headers: shown });
  }
}

/** The header that shows a token. Proxies that say who one is may write their own Authorization. */
export function authorization(token: string): Record<string, string> {
  if (session.value?.named) return { "X-Teal-Session": token };
  return { Authorization: `Teal ${token}` };
}

export function mayAct(): boolean {
  return session.value !== null && session.value.access !== "viewer";
}
