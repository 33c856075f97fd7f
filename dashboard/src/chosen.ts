/** The theme that was chosen: known before anything is drawn, so this file needs no other. */

export type Choice = "auto" | "light" | "dark";
export const KEPT = "teal.theme";

export function chosen(): Choice {
  const found = localStorage.getItem(KEPT);
  return found === "light" || found === "dark" ? found : "auto";
}
