/** How large the map is drawn, and what of it is seen: by buttons, keys, the wheel and dragging. It
 * works on the drawing as it is, so also while another one is worked out. */

import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { percent, t } from "../../text";

const LEAST = 0.1;
const MOST = 3;
const STEP = 1.25;
/** Below this scale the small letters cannot be read: then the map scrolls. */
const LEGIBLE = 0.8;
/** Pixels that a pointer moves before it drags: a click on a node is none. */
const DRAGS = 4;

export interface Zooming {
  /** Undefined while the drawing takes the width that there is. */
  scale: number | undefined;
  change: (by: number) => void;
  reset: () => void;
  style: { width: string | number; maxWidth?: number; minWidth?: number };
  /** What scrolls, with the drawing in it. */
  seen: RefObject<HTMLElement | null>;
  handlers: {
    onWheel: (event: WheelEvent) => void;
    onKeyDown: (event: KeyboardEvent) => void;
    onPointerDown: (event: PointerEvent) => void;
    onPointerMove: (event: PointerEvent) => void;
    onPointerUp: () => void;
    onPointerCancel: () => void;
  };
}

/** A scale within what can be read and what fits. Pure. */
export function bounded(scale: number): number {
  return Math.min(MOST, Math.max(LEAST, scale));
}

/** ``width``: of the drawing, in pixels. */
export function useZoom(width: number): Zooming {
  const [scale, set] = useState<number | undefined>(undefined);
  const from = useRef<{ x: number; y: number; moved: boolean } | null>(null);
  const seen = useRef<HTMLElement>(null);
  /** What was in the middle before the scale changed, and how wide the drawing was. */
  const middle = useRef<{ x: number; y: number; width: number } | null>(null);
  const change = (by: number) => {
    const at = seen.current;
    const now = at === null ? 0 : drawnWidth(at);
    if (at === null || now === 0) return;
    const [x, y] = [at.scrollLeft + at.clientWidth / 2, at.scrollTop + at.clientHeight / 2];
    middle.current = { x, y, width: now };
    set(bounded((now / width) * by));
  };
  useLayoutEffect(() => {
    const [at, before] = [seen.current, middle.current];
    if (at === null || before === null) return;
    const by = drawnWidth(at) / before.width;
    at.scrollTo(before.x * by - at.clientWidth / 2, before.y * by - at.clientHeight / 2);
    middle.current = null;
  }, [scale]);
  const reset = () => set(undefined);
  const style: Zooming["style"] =
    scale === undefined
      ? { width: "100%", maxWidth: width, minWidth: width * LEGIBLE }
      : { width: width * scale };
  const handlers: Zooming["handlers"] = {
    onWheel: (event) => {
      // Without the key the wheel scrolls, as everywhere.
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      change(event.deltaY < 0 ? STEP : 1 / STEP);
    },
    onKeyDown: (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "+" || event.key === "=") change(STEP);
      else if (event.key === "-") change(1 / STEP);
      else if (event.key === "0") reset();
      else return;
      event.preventDefault();
    },
    onPointerDown: (event) => {
      if (event.pointerType !== "mouse" || event.button !== 0) return;
      from.current = { x: event.clientX, y: event.clientY, moved: false };
    },
    onPointerMove: (event) => {
      const at = from.current;
      if (at === null) return;
      const [dx, dy] = [event.clientX - at.x, event.clientY - at.y];
      if (!at.moved && Math.hypot(dx, dy) < DRAGS) return;
      const map = event.currentTarget as HTMLElement;
      if (!at.moved) map.setPointerCapture(event.pointerId);
      map.scrollBy(-dx, -dy);
      from.current = { x: event.clientX, y: event.clientY, moved: true };
    },
    onPointerUp: () => {
      from.current = null;
    },
    onPointerCancel: () => {
      from.current = null;
    },
  };
  return { scale, change, reset, style, seen, handlers };
}

function drawnWidth(seen: HTMLElement): number {
  return seen.querySelector("svg")?.getBoundingClientRect().width ?? 0;
}

export function Zoom({ zoom }: { zoom: Zooming }) {
  const { scale, change, reset } = zoom;
  return (
    <div class="zoom">
      <button
        type="button"
        class="small"
        aria-label={t("mesh.smaller")}
        onClick={() => change(1 / STEP)}
      >
        −
      </button>
      <button
        type="button"
        class="small"
        aria-label={t("mesh.larger")}
        onClick={() => change(STEP)}
      >
        +
      </button>
      <button type="button" class="small" onClick={reset} disabled={scale === undefined}>
        {t("mesh.fit")}
      </button>
      <span class="muted" role="status">
        {scale !== undefined && percent(scale, 0)}
      </span>
    </div>
  );
}
