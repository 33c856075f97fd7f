/** Calls operations of our own API, the same as the command line's. */

import { t } from "../text";
import { type Makings, told } from "../text/said";
import { authorization, forget, session } from "./session";

/** What the control plane has refused, in its own words. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly said?: Makings,
  ) {
    super(message);
  }
}

/** Why something was refused, in the reader's language where that can be. */
export function why(error: Error): string {
  return error instanceof Refused ? told(error.message, error.said) : error.message;
}

/** The answer; who cannot be reached at all is told in our words, not in the browser's. */
async function reached(asked: Promise<Response>): Promise<Response> {
  try {
    return await asked;
  } catch {
    throw new Refused("Unreachable", t("stale.gone"));
  }
}

export async function call<Answer>(operation: string, input: object): Promise<Answer> {
  const token = session.value?.token;
  if (token === undefined) throw new Refused("SessionInvalid", "there is no session");
  const answer = await reached(
    fetch(`/_teal/api/${operation}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...authorization(token) },
      body: JSON.stringify(input),
    }),
  );
  const text = await answer.text();
  if (answer.ok) return JSON.parse(text) as Answer;
  let code = `HTTP ${answer.status}`;
  let message = text.slice(0, 300);
  let said: Makings | undefined;
  try {
    const error = JSON.parse(text) as { __type?: string; message?: string; said?: Makings };
    code = error.__type ?? code;
    message = error.message ?? message;
    said = error.said;
  } catch {
    // The answer is no error of ours, so it is shown as it came.
  }
  if (answer.status === 401) forget({ text: message, said });
  throw new Refused(code, message, said);
}
