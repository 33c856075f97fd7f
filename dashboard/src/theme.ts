/** Light or dark: the machine's, or the one that was chosen. */

import { effect, signal } from "@preact/signals";
import { type Choice, chosen, KEPT } from "./chosen";

export type { Choice } from "./chosen";

const system = matchMedia("(prefers-color-scheme: dark)");

export const choice = signal<Choice>(chosen());
const dark = signal(system.matches);
export const theme = signal<"light" | "dark">("light");

system.addEventListener("change", (event) => {
  dark.value = event.matches;
});

effect(() => {
  const auto = dark.value ? "dark" : "light";
  theme.value = choice.value === "auto" ? auto : choice.value;
  document.documentElement.dataset.theme = theme.value;
});

export function choose(wanted: Choice): void {
  localStorage.setItem(KEPT, wanted);
  choice.value = wanted;
}
