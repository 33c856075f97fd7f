/** How far a mesh has got: what its Envoys have acknowledged. Pure. */

import type { Envoy } from "./wire";

export interface Convergence {
  connected: number;
  current: number;
  rejecting: number;
}

export function convergence(envoys: Iterable<Envoy>, mesh: string): Convergence {
  const found: Convergence = { connected: 0, current: 0, rejecting: 0 };
  for (const envoy of envoys) {
    if (envoy.mesh !== mesh || !envoy.connected) continue;
    found.connected += 1;
    if (envoy.message) found.rejecting += 1;
    else if (envoy.current) found.current += 1;
  }
  return found;
}
