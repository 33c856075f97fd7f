/** Whether the page is as narrow as a telephone: the same bound as in style/narrow.css. */

import { signal } from "@preact/signals";

const bound = matchMedia("(max-width: 640px)");

export const narrow = signal(bound.matches);

bound.addEventListener("change", () => {
  narrow.value = bound.matches;
});
