/** Long lists and drawings in parts: the first one at once, the others moment by moment, so that the
 * page answers meanwhile. */

import { useEffect, useState } from "preact/hooks";

/** How many of ``all`` to draw now: ``first`` at once, then ``more`` each time. */
export function useGradual(all: number, first: number, more: number): number {
  const [some, draw] = useState(first);
  useEffect(() => {
    if (some >= all) return;
    // What has been drawn is seen, and a key that was pressed is heard, before the next part.
    const timer = setTimeout(() => draw(some + more), 16);
    return () => clearTimeout(timer);
  }, [some, all, more]);
  return Math.min(some, all);
}
