/** Calls operations of our own API, the same as the command line's. */

import { authorization, forget, session } from "./session";

/** What the control plane has refused, in its own words. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export async function call<Answer>(operation: string, input: object): Promise<Answer> {
  const token = session.value?.token;
  if (token === undefined) throw new Refused("SessionInvalid", "there is no session");
  const answer = await fetch(`/_teal/api/${operation}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...authorization(token) },
    body: JSON.stringify(input),
  });
  const text = await answer.text();
  if (answer.ok) return JSON.parse(text) as Answer;
  let code = `HTTP ${answer.status}`;
  let message = text.slice(0, 300);
  try {
    const error = JSON.parse(text) as { __type?: string; message?: string };
    code = error.__type ?? code;
    message = error.message ?? message;
  } catch {
    // The answer is no error of ours, so it is shown as it came.
  }
  if (answer.status === 401) forget(message);
  throw new Refused(code, message);
}
