/** Asks the worker for the places of a graph. What was placed last stays until the answer is here,
 * and is known when the page comes back to the map. A large graph is placed at once, in rows. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { MeshGraph } from "../../data/wire";
import { narrow } from "../../parts/narrow";
import { type Placed, shapeOf } from "./placed";
import { MANY_NODES, rows } from "./rows";

/** The last few, by shape. */
const KEPT = 4;
const known = new Map<string, Placed>();

function keep(shape: string, placed: Placed): void {
  known.delete(shape);
  known.set(shape, placed);
  for (const oldest of known.keys()) {
    if (known.size <= KEPT) break;
    known.delete(oldest);
  }
}

export interface Places {
  placed: Placed | undefined;
  /** Whether others are on their way, as the graph has another shape by now. */
  old: boolean;
  /** Why there are none. */
  error: string | undefined;
}

export function usePlaces(graph: MeshGraph | undefined): Places {
  const worker = useRef<Worker | null>(null);
  const asked = useRef({ number: 0, shape: "" });
  const [last, show] = useState<{ shape: string; placed: Placed } | null>(null);
  const [error, fail] = useState<string | undefined>(undefined);
  const upright = narrow.value;
  const shape = graph === undefined ? "" : (upright ? "upright " : "") + shapeOf(graph);
  if (graph !== undefined && graph.nodes.length > MANY_NODES && !known.has(shape)) {
    keep(shape, rows(graph));
  }

  useEffect(
    () => () => {
      worker.current?.terminate();
      worker.current = null;
    },
    [],
  );
  useEffect(() => {
    const before = known.get(shape);
    if (graph === undefined || before !== undefined) return;
    if (asked.current.number > 0) {
      // What is laid out is not wanted any more, and may take seconds.
      worker.current?.terminate();
      worker.current = null;
    }
    const number = asked.current.number + 1;
    asked.current = { number, shape };
    const started = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" });
    worker.current = started;
    started.onmessage = (event: MessageEvent<{ number: number; placed: Placed }>) => {
      started.terminate();
      if (event.data.number !== asked.current.number) return;
      keep(asked.current.shape, event.data.placed);
      fail(undefined);
      show({ shape: asked.current.shape, placed: event.data.placed });
    };
    started.postMessage({ number, graph, upright });
    started.onerror = (event) => fail(event.message || "the layout could not be loaded");
  }, [shape]);

  const placed = known.get(shape) ?? last?.placed;
  return { placed, old: !known.has(shape), error };
}
