/** The shapes of docs/stream.md and of our own API (docs/operations.md). Times are epoch seconds. */

import type { Makings } from "../text/said";

export interface WorkerTrouble {
  worker: string;
  error: string;
  since: number;
  times: number;
  service?: string;
}
export interface Control {
  version: string;
  startedAt: number;
  dataDir: string;
  runtime: string;
  troubles: WorkerTrouble[];
  page?: string;
  said?: Makings;
}
export interface Side {
  side: string;
  virtualNode: string;
  ecsService?: string;
  image?: string;
  weight: number;
  running: number;
  desired: number;
  healthy: number;
  pending?: number;
  reason?: string;
  gaveUp?: true;
}
export interface Service {
  name: string;
  mesh: string;
  hostname: string;
  port: number;
  protocol: string;
  origin: "teal.toml" | "adopted";
  state: string;
  sentence: string;
  since?: number;
  image?: string;
  sides: Side[];
  deployment?: string;
  group?: string;
  problem?: string;
  removing?: true;
  lock?: { by: string; reason?: string; since: number; until?: number };
  kept?: { side: string; image: string; until: number; deploymentId: string };
  said?: Makings;
}
export interface SideTraffic {
  requests: number;
  errors: number;
  perSecond: number;
  /** 0 to 1. */
  share?: number;
  /** Milliseconds. */
  p50?: number;
  p99?: number;
}
export interface Traffic {
  seconds: number;
  perSecond: number;
  sides: Record<string, SideTraffic>;
}
/** A gateway, or a virtual service that is none of the services. */
export interface Rest {
  kind: "virtualGateway" | "virtualService";
  name: string;
  mesh: string;
  provider?: string;
  image?: string;
  running: number;
  desired: number;
  healthy: number;
  ecsServices?: string[];
  addresses?: string[];
  reason?: string;
  gaveUp?: true;
  traffic?: SideTraffic;
  said?: Makings;
}
export interface GateEvidence {
  logEWorse: number;
  failAt: number;
  logEAlike: number;
  logEBelow?: number;
  passAt: number;
  phi: number;
}
export type Verdict = "PASS" | "FAIL" | "NEED_DATA" | "UNKNOWN";
export interface GateVerdict {
  gate: string;
  verdict: Verdict;
  detail: string;
  have?: number;
  need?: number;
  unit?: string;
  evidence?: GateEvidence;
}
export interface HookAnswer {
  name: string;
  stage: string;
  when?: string;
  step: number;
  verdict?: Verdict;
  detail?: string;
  tries: number;
  startedAt: number;
  finishedAt?: number;
}
export interface StepEvidence {
  step: number;
  weights: Record<string, number>;
  expectedShare?: number;
  share?: number;
  requests: number;
  failures: number;
  failureKinds?: Record<string, number>;
  totalRequests?: number;
  totalFailures?: number;
  p50?: number;
  p99?: number;
  propagationSeconds?: number;
  startedAt?: number;
  finishedAt?: number;
  verdicts?: GateVerdict[];
}
export interface Deployment {
  deploymentId: string;
  service: string;
  mesh: string;
  kind?: string;
  number?: number;
  group?: string;
  strategy?: string;
  steps?: number[];
  step?: number;
  oldImage?: string;
  newImage?: string;
  oldSide?: string;
  newSide?: string;
  phase: string;
  status: string;
  state?: string;
  waitingFor?: string;
  startedBy?: string;
  endedBy?: string;
  pausedBy?: string;
  promotedBy?: string;
  secondsLeft?: number;
  timeLimit?: string;
  beside?: string[];
  besideVerdicts?: GateVerdict[];
  windows?: number;
  lastWindow?: string;
  reason?: string;
  note?: string;
  serves?: string;
  keptForSeconds?: number;
  desiredCount?: number;
  evidence?: StepEvidence[];
  hooks?: HookAnswer[];
  createdAt: number;
  updatedAt?: number;
  finishedAt?: number;
  /** These are the stream's. */
  sentence?: string;
  doing?: string;
  why?: string;
  following?: string;
  latest?: string;
  latestAt?: number;
  measured?: number;
  said?: Makings;
}
export interface GroupMember {
  service: string;
  image: string;
  after: string[];
  deployment?: Deployment;
}
export interface GroupDeployment {
  groupDeploymentId: string;
  group: string;
  number: number;
  kind: string;
  status: string;
  state: string;
  startedBy: string;
  members: GroupMember[];
  sentence: string;
  waitingFor?: string;
  held?: string[];
  reason?: string;
  endedBy?: string;
  pausedBy?: string;
  journal: { sequence: number; at: number; transition: string; message: string }[];
  createdAt: number;
  updatedAt: number;
  finishedAt?: number;
  said?: Makings;
}
export interface Group {
  name: string;
  services: string[];
  dependsOn: Record<string, string[]>;
  latest?: GroupDeployment;
  said?: Makings;
}
/** How the task definitions of both sides differ; absent `differences`: one is not known. */
export interface DefinitionChange {
  old?: string;
  new?: string;
  differences?: { what: string; before?: string; after?: string }[];
}
export interface Task {
  task: string;
  taskArn: string;
  cluster: string;
  ecsService?: string;
  service?: string;
  side?: string;
  resource?: string;
  taskDefinition: string;
  image?: string;
  status: string;
  desiredStatus: "RUNNING" | "STOPPED";
  health?: "HEALTHY" | "UNHEALTHY" | "UNKNOWN";
  usable?: boolean;
  address?: string;
  createdAt?: number;
  startedAt?: number;
  stoppedAt?: number;
  stopCode?: string;
  stoppedReason?: string;
  containers: {
    name: string;
    image?: string;
    status?: string;
    health?: string;
    exitCode?: number;
    reason?: string;
  }[];
  said?: Makings;
}
export interface Envoy {
  id: string;
  mesh: string;
  resource: string;
  connected: boolean;
  current: boolean;
  revision?: number;
  message?: string;
  note?: string;
  version?: string;
  said?: Makings;
}
export type Kind =
  | "virtualGateway"
  | "gatewayRoute"
  | "virtualService"
  | "virtualRouter"
  | "route"
  | "virtualNode";
export interface GraphNode {
  id: string;
  kind: Kind;
  name: string;
  service?: string;
  side?: string;
  detail?: string;
}
export interface GraphEdge {
  source: string;
  target: string;
  kind: "uses" | "leads" | "weight";
  weight?: number;
  share?: number;
}
export interface MeshGraph {
  name: string;
  nodes: GraphNode[];
  edges: GraphEdge[];
}
export interface Edge {
  perSecond: number;
  errorsPerSecond: number;
  p99?: number;
}
export interface TealEvent {
  revision: number;
  at: number;
  actor: string;
  operation: string;
  message: string;
  sentence: string;
  said?: Makings;
}
export interface Sections {
  control: Control;
  services: Service;
  traffic: Traffic;
  rest: Rest;
  deployments: Deployment;
  groups: Group;
  tasks: Task;
  envoys: Envoy;
  mesh: MeshGraph;
  edges: Edge;
  events: TealEvent;
}
export type SectionName = keyof Sections;
export type Snapshot = { [S in SectionName]: Record<string, Sections[S]> };
export type Change = {
  [S in SectionName]?: { put?: Record<string, Sections[S]>; gone?: string[] };
};
export const SECTIONS: readonly SectionName[] = [
  "control",
  "services",
  "traffic",
  "rest",
  "deployments",
  "groups",
  "tasks",
  "envoys",
  "mesh",
  "edges",
  "events",
];

export interface WindowSide {
  requests: number;
  failures: number;
  clientErrors?: number;
  perSecond: number;
  p50?: number;
  p90?: number;
  p99?: number;
}
export interface Window {
  index: number;
  step: number;
  startedAt: number;
  seconds: number;
  weights?: Record<string, number>;
  old: WindowSide;
  new: WindowSide;
  note?: string;
}
export interface JournalEntry {
  sequence: number;
  at: number;
  transition: string;
  phase?: string;
  status: string;
  message?: string;
  by?: string;
}
export interface Seen {
  requests: number;
  failures: number;
  clientErrors?: number;
}
export interface Caller {
  caller: string;
  resource?: string;
  old: Seen;
  new: Seen;
}
export interface LogLine {
  task: string;
  container: string;
  line: string;
}
