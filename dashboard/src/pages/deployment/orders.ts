/** What can be ordered of a deployment in its state, as the machine allows it. Pure. */

import type { Deployment, GroupDeployment } from "../../data/wire";
import { isOver } from "./track";

export type Action =
  | "approve"
  | "promote"
  | "promoteFull"
  | "pause"
  | "resume"
  | "takeOver"
  | "abort"
  | "giveUp"
  | "rollback"
  | "retry";

/** The actions that make sense now; ``latest`` is whether it is the newest of its service. */
export function actions(deployment: Deployment, latest: boolean): Action[] {
  if (!latest) return [];
  if (isOver(deployment)) {
    return deployment.status === "SUCCESSFUL" ? ["rollback"] : ["retry"];
  }
  if (deployment.status === "ROLLBACK_IN_PROGRESS") return [];
  if (deployment.state === "HELD") return ["resume", "takeOver", "abort", "giveUp"];
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
  giveUp: ["Abort", { giveUp: true }],
  rollback: ["Rollback", {}],
  retry: ["Retry", {}],
};

/** Whether an action is on the whole group of a member: how one goes on that is held is decided of
 * that one alone. */
export function together(action: Action, deployment: Deployment): boolean {
  const held = deployment.state === "HELD";
  const own = action === "takeOver" || (held && action === "resume");
  return deployment.group !== undefined && !own;
}

/** The operation and its input. */
export function operation(action: Action, deployment: Deployment): [string, object] {
  const [name, more] = OPERATIONS[action];
  return together(action, deployment)
    ? [`${name}Group`, { group: deployment.group, ...more }]
    : [name, { service: deployment.service, ...more }];
}

/** What can be ordered of a whole group now; ``latest`` is whether it is its newest deployment. */
export function groupActions(one: GroupDeployment, latest: boolean): Action[] {
  if (!latest) return [];
  if (one.finishedAt !== undefined) {
    return one.status === "SUCCESSFUL" ? ["rollback"] : ["retry"];
  }
  if (one.status === "ROLLBACK_IN_PROGRESS" || one.state === "FINISHING") return [];
  const waits = one.members.some((member) => member.deployment?.state === "AWAITING_APPROVAL");
  const pause: Action = one.pausedBy ? "resume" : "pause";
  return [...(waits ? (["approve"] as const) : []), "promote", "promoteFull", pause, "abort"];
}

export function groupOperation(action: Action, group: string): [string, object] {
  const [name, more] = OPERATIONS[action];
  return [`${name}Group`, { group, ...more }];
}

export const DANGEROUS: ReadonlySet<Action> = new Set(["abort", "giveUp", "rollback"]);
