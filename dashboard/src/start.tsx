/** Draws the page, once the frame that index.html has is seen. */

import { render } from "preact";
import { App } from "./app";
import { begin, codeOf } from "./data/session";
import { watch } from "./data/state";
import { follow } from "./router";

const page = document.getElementById("page");
if (page === null) throw new Error("index.html has no #page");
page.replaceChildren();
render(<App />, page);
// The code must be out of the address before it is read as a page.
window.addEventListener("hashchange", () => {
  if (codeOf(location.hash) !== null) location.reload();
});
void begin().then(() => {
  follow();
  watch();
});
