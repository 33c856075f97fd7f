/** The layout beside the page: it answers each graph with its places, under the same number. */

import type { MeshGraph } from "../../data/wire";
import { placed } from "./layout";

addEventListener("message", (event: MessageEvent<{ number: number; graph: MeshGraph }>) => {
  const { number, graph } = event.data;
  postMessage({ number, placed: placed(graph) });
});
