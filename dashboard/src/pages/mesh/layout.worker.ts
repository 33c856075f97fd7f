/** The layout beside the page: it answers each graph with its places, under the same number. */

import type { MeshGraph } from "../../data/wire";
import { placed } from "./layout";

interface Asked {
  number: number;
  graph: MeshGraph;
  upright: boolean;
}

addEventListener("message", (event: MessageEvent<Asked>) => {
  const { number, graph, upright } = event.data;
  postMessage({ number, placed: placed(graph, upright) });
});
