/** Asks for one thing, and shows what came: a part that waits, fails in words, or has it. */

import { useEffect, useState } from "preact/hooks";
import { call, why } from "../data/api";

export interface Asked<T> {
  answer: T | undefined;
  error: string | undefined;
}

/** The answer of an operation, asked again when one of ``again`` changes; the last answer stays
 * while the next one is on its way. */
export function useAsked<T>(
  operation: string,
  input: object | null,
  ...again: readonly unknown[]
): Asked<T> {
  const [asked, set] = useState<Asked<T>>({ answer: undefined, error: undefined });
  const text = JSON.stringify(input);
  useEffect(() => {
    if (text === "null") return;
    let wanted = true;
    call<T>(operation, JSON.parse(text) as object).then(
      (answer) => wanted && set({ answer, error: undefined }),
      (error: Error) => wanted && set((last) => ({ answer: last.answer, error: why(error) })),
    );
    return () => {
      wanted = false;
    };
  }, [operation, text, ...again]);
  return asked;
}

/** A value that changes each ``seconds``, to ask again by. */
export function useTick(seconds: number, runs = true): number {
  const [tick, set] = useState(0);
  useEffect(() => {
    if (!runs) return;
    const timer = setInterval(() => set((last) => last + 1), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds, runs]);
  return tick;
}

export function Trouble({ error }: { error: string | undefined }) {
  return error === undefined ? null : (
    <p class="trouble" role="alert">
      {error}
    </p>
  );
}
