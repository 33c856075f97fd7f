/** Light or dark: the machine's, or the one that was chosen. */

import { effect, signal } from "@preact/signals";

export type Choice = "auto" | "light" | "dark";
const KEPT = "teal.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function kept(): Choice {
  const found = localStorage.getItem(KEPT);
  return found === "light" || found === "dark" ? found : "auto";
}

export const choice = signal<Choice>(kept());
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

export function choose(chosen: Choice): void {
  localStorage.setItem(KEPT, chosen);
  choice.value = chosen;
}
