/** The page begins: first the frame of index.html is painted, then the rest is run. It is loaded
 * meanwhile, by the link that the build writes into index.html. */

import "uplot/dist/uPlot.min.css";
import "./style/base.css";
import "./style/parts.css";
import "./style/pages.css";
import "./style/traces.css";
import "./style/narrow.css";
import { chosen } from "./chosen";

/** In a tab that is not seen no frame comes. */
const UNSEEN = 100;
const AGAIN = 1000;

const theme = chosen();
if (theme !== "auto") document.documentElement.dataset.theme = theme;

await new Promise<void>((resolve) => {
  requestAnimationFrame(() => setTimeout(resolve));
  setTimeout(resolve, UNSEEN);
});
// A page of another version may be served by now: its scripts have other names.
await import("./start").catch(() => setTimeout(() => location.reload(), AGAIN));
