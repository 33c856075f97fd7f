/** What ListTraces, GetTrace and GetServiceMap answer; service-2.json describes each member. */

export interface Outcome {
  error?: boolean;
  fault?: boolean;
  throttle?: boolean;
}
export interface Trace extends Outcome {
  traceId: string;
  startedAt: number;
  seconds: number;
  service: string;
  name: string;
  method?: string;
  url?: string;
  status?: number;
  services: string[];
  spans: number;
  inProgress?: boolean;
  refused?: number;
}
export interface Span extends Outcome {
  spanId: string;
  parentId?: string;
  depth: number;
  service: string;
  name: string;
  kind: string;
  startedAt: number;
  seconds?: number;
  method?: string;
  url?: string;
  status?: number;
  remote?: string;
  message?: string;
  tags?: Record<string, string>;
  resource?: string;
  sender?: string;
}
export interface Listed {
  traces: Trace[];
  kept: number;
  services: string[];
  nextToken?: string;
}
export interface Counts {
  requests: number;
  errors: number;
  faults: number;
  throttles: number;
  p50?: number;
  p99?: number;
}
export interface MapNode extends Counts {
  id: string;
  kind: "client" | "service" | "remote";
  name: string;
  resource?: string;
}
export interface MapEdge extends Counts {
  source: string;
  target: string;
}
export interface ServiceMap {
  nodes: MapNode[];
  edges: MapEdge[];
  traces: number;
}
