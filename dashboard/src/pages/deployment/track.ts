/** The way of a deployment as a track of stops, with where it stands. Pure. */

import type { Deployment } from "../../data/wire";

export type Standing = "done" | "here" | "ahead" | "left";
export interface Stop {
  key: string;
  /** The new side's weight in percent at this stop, where it sets one. */
  weight?: number;
  standing: Standing;
}

const PHASES = [
  "PRE_SCALE_UP",
  "SCALE_UP",
  "TEST_TRAFFIC_SHIFT",
  "PRODUCTION_TRAFFIC_SHIFT",
  "BAKE_TIME",
  "CLEAN_UP",
];

export function goesBack(deployment: Deployment): boolean {
  return deployment.status.startsWith("ROLLBACK") || deployment.status === "STOPPED";
}

export function isOver(deployment: Deployment): boolean {
  return !["IN_PROGRESS", "ROLLBACK_IN_PROGRESS"].includes(deployment.status);
}

/** How far a deployment came forward, as an index of the stops. */
function reached(deployment: Deployment, steps: number): number {
  if (deployment.status === "SUCCESSFUL") return steps + 4;
  const phase = PHASES.indexOf(deployment.phase);
  if (goesBack(deployment)) {
    // The phase is that of the way back; the steps that have evidence tell how far it came.
    const last = deployment.evidence?.at(-1)?.step;
    return last === undefined ? 0 : 2 + last;
  }
  if (phase <= 1) return 0;
  if (phase === 2) return 1;
  if (phase === 3) return 2 + (deployment.step ?? 0);
  return phase === 4 ? 2 + steps : 3 + steps;
}

export function stops(deployment: Deployment): Stop[] {
  const steps = deployment.steps ?? [100];
  const here = reached(deployment, steps.length);
  const back = goesBack(deployment);
  const named: Omit<Stop, "standing">[] = [
    { key: "start" },
    { key: "verify" },
    ...steps.map((weight, index) => ({ key: `step-${index}`, weight })),
    { key: "bake" },
    { key: "cleanup" },
  ];
  return named.map((stop, index) => ({
    ...stop,
    standing: index < here ? "done" : index > here ? "ahead" : back ? "left" : "here",
  }));
}
