/** What can be ordered of a deployment in its state, as the machine allows it. Pure. */

import type { Deployment } from "../../data/wire";
import { isOver } from "./track";

export type Action =
  | "approve"
  | "promote"
  | "promoteFull"
  | "pause"
  | "resume"
  | "takeOver"
  | "abort"
  | "rollback"
  | "retry";

/** The actions that make sense now; ``latest`` is whether it is the newest of its service. */
export function actions(deployment: Deployment, latest: boolean): Action[] {
  if (!latest) return [];
  if (isOver(deployment)) {
    return deployment.status === "SUCCESSFUL" ? ["rollback"] : ["retry"];
  }
  if (deployment.status === "ROLLBACK_IN_PROGRESS") return [];
  if (deployment.state === "HELD") return ["resume", "takeOver", "abort"];
  if (deployment.phase === "CLEAN_UP") return [];
  const pause: Action = deployment.pausedBy ? "resume" : "pause";
  if (deployment.state === "AWAITING_APPROVAL") return ["approve", pause, "abort"];
  // Before the new side has weight there is no step to skip.
  const step: Action[] = WEIGHED.has(deployment.phase) ? ["promote"] : [];
  return [...step, "promoteFull", pause, "abort"];
}

const WEIGHED: ReadonlySet<string> = new Set(["PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME"]);

const OPERATIONS: Record<Action, [string, object]> = {
  approve: ["Approve", {}],
  promote: ["Promote", {}],
  promoteFull: ["Promote", { full: true }],
  pause: ["Pause", {}],
  resume: ["Resume", {}],
  takeOver: ["Resume", { takeOver: true }],
  abort: ["Abort", {}],
  rollback: ["Rollback", {}],
  retry: ["Retry", {}],
};

/** The operation and its input. A member of a group is steered with its group, but
 * what others have changed of it is its own. */
export function operation(action: Action, deployment: Deployment): [string, object] {
  const [name, more] = OPERATIONS[action];
  return deployment.group && action !== "takeOver"
    ? [`${name}Group`, { group: deployment.group, ...more }]
    : [name, { service: deployment.service, ...more }];
}

export const DANGEROUS: ReadonlySet<Action> = new Set(["abort", "rollback", "takeOver"]);
