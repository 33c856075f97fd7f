/** A made-up control plane: one service that is deployed, and one that serves. */
import type { Change, Deployment, GraphEdge, GraphNode, Snapshot, Task } from "../src/data/wire";

const start = Date.now() / 1000;
const wave = (n: number) => 1 + 0.15 * Math.sin((Date.now() / 1000 - start) / n);

function deployment(): Deployment {
  return {
    deploymentId: "4b1c9e02-aa",
    service: "web",
    mesh: "shop",
    number: 7,
    strategy: "canary",
    steps: [10, 50, 100],
    step: 1,
    oldImage: "registry.example/shop/web:1.8.2",
    newImage: "registry.example/shop/web:1.9.0",
    oldSide: "blue",
    newSide: "green",
    phase: "PRODUCTION_TRAFFIC_SHIFT",
    status: "IN_PROGRESS",
    state: "MEASURING",
    createdAt: start - 95,
    startedBy: "alice",
    measured: 9,
    sentence: "web is at step 2 of 3 (50 % to green), because every Envoy uses its weights.",
    doing: "it measures step 2 of 3 (50 % to green)",
    why: "it waits for errors: some 291 more requests to green will tell",
    following: "green gets 100 % of the requests",
    latest: "within 4 min 54 s, or it rolls back (step_timeout of 300 s on top of step_time)",
    latestAt: start + 294,
    evidence: [
      step(0, 10, 0.0964, 57, 0, start - 90, start - 45),
      {
        ...step(1, 50, 0.512, 310, 2, start - 45),
        verdicts: [
          {
            gate: "tasks",
            verdict: "PASS",
            detail: "2 of 2 tasks healthy, 2 running",
            have: 2,
            need: 2,
            unit: "tasks",
          },
          {
            gate: "share",
            verdict: "PASS",
            detail: "the new side got 51.2 % of 606 requests, its weight is 50 % ± 4.9 %",
          },
          {
            gate: "success-rate",
            verdict: "PASS",
            detail: "99.4 % of 310 requests succeeded, at least 99 % must",
            have: 310,
            need: 100,
            unit: "requests",
          },
          {
            gate: "errors",
            verdict: "NEED_DATA",
            detail:
              "2 of 310 requests to green failed, 0 of 296 to blue in the same time; some 291 more requests to green will tell, in about 9 s",
            have: 310,
            need: 601,
            unit: "requests",
            evidence: { logEWorse: 1.4, failAt: 5.7, logEAlike: 1.9, passAt: 3, phi: 1 },
          },
          {
            gate: "latency",
            verdict: "FAIL",
            detail: "41 of 310 answers of green came after 250 ms, 3 of 296 of blue",
          },
        ],
      },
    ],
  };
}

function step(
  index: number,
  weight: number,
  share: number,
  requests: number,
  failures: number,
  startedAt: number,
  finishedAt?: number,
) {
  return {
    step: index,
    weights: { blue: 100 - weight, green: weight },
    expectedShare: weight / 100,
    share,
    requests,
    failures,
    p50: 2.1,
    p99: 44.2,
    propagationSeconds: 0.12,
    startedAt,
    finishedAt,
  };
}

function task(id: string, more: Partial<Task>): Task {
  return {
    task: id,
    taskArn: `arn:aws:ecs:us-east-1:123456789012:task/shop/${id}`,
    cluster: "shop",
    service: "web",
    taskDefinition: "web:3",
    image: "registry.example/shop/web:1.8.2",
    status: "RUNNING",
    desiredStatus: "RUNNING",
    health: "HEALTHY",
    usable: true,
    address: "127.3.0.12",
    startedAt: start - 86000,
    containers: [],
    ...more,
  };
}

function graph(): { nodes: GraphNode[]; edges: GraphEdge[] } {
  const nodes: GraphNode[] = [
    { id: "virtualGateway/ingress", kind: "virtualGateway", name: "ingress" },
    { id: "gatewayRoute/ingress/web", kind: "gatewayRoute", name: "web", detail: "/" },
  ];
  const edges: GraphEdge[] = [
    { source: "virtualGateway/ingress", target: "gatewayRoute/ingress/web", kind: "leads" },
    { source: "gatewayRoute/ingress/web", target: "virtualService/web.shop.local", kind: "uses" },
  ];
  for (const name of ["web", "pay"]) {
    nodes.push({
      id: `virtualService/${name}.shop.local`,
      kind: "virtualService",
      name: `${name}.shop.local`,
    });
    nodes.push({ id: `virtualRouter/${name}`, kind: "virtualRouter", name });
    nodes.push({ id: `route/${name}/all`, kind: "route", name: "all", detail: "prefix /" });
    edges.push({
      source: `virtualService/${name}.shop.local`,
      target: `virtualRouter/${name}`,
      kind: "leads",
    });
    edges.push({ source: `virtualRouter/${name}`, target: `route/${name}/all`, kind: "leads" });
    for (const side of ["blue", "green"]) {
      const share = name === "web" ? 0.5 : side === "blue" ? 1 : 0;
      nodes.push({
        id: `virtualNode/${name}-${side}`,
        kind: "virtualNode",
        name: `${name}-${side}`,
        service: name,
        side,
      });
      edges.push({
        source: `route/${name}/all`,
        target: `virtualNode/${name}-${side}`,
        kind: "weight",
        weight: share * 100,
        share,
      });
    }
  }
  for (const side of ["blue", "green"]) {
    edges.push({
      source: `virtualNode/web-${side}`,
      target: "virtualService/pay.shop.local",
      kind: "uses",
    });
  }
  return { nodes, edges };
}

function traffic() {
  const side = (share: number, errors: number, p99: number) => ({
    requests: Math.round(400 * share * wave(7)),
    errors,
    perSecond: 40 * share * wave(7),
    share,
    p50: 2.1,
    p99: p99 * wave(3),
  });
  return {
    web: {
      seconds: 10,
      perSecond: 40,
      sides: { blue: side(0.49, 0, 8.8), green: side(0.51, 1, 44) },
    },
    pay: { seconds: 10, perSecond: 80, sides: { blue: side(1, 0, 12) } },
  };
}

export function snapshot(): Partial<Snapshot> {
  const one = deployment();
  const sides = (weight: number) => [
    {
      side: "blue",
      virtualNode: "web-blue",
      image: "shop/web:1.8.2",
      weight: 100 - weight,
      running: 2,
      desired: 2,
      healthy: 2,
    },
    {
      side: "green",
      virtualNode: "web-green",
      image: "shop/web:1.9.0",
      weight,
      running: weight ? 2 : 0,
      desired: weight ? 2 : 0,
      healthy: weight ? 1 : 0,
      reason: "1 task is starting",
    },
  ];
  const common = { mesh: "shop", port: 8080, protocol: "http" };
  return {
    control: {
      control: {
        version: "0.1.0",
        startedAt: start - 9e4,
        dataDir: "/home/alice/.local/state/tealmesh",
        runtime: "process",
        troubles: [],
      },
    },
    services: {
      web: {
        ...common,
        name: "web",
        hostname: "web.shop.local",
        origin: "teal.toml",
        state: "deploying",
        sentence: one.sentence ?? "",
        since: start - 95,
        image: "shop/web:1.8.2",
        sides: sides(50),
        deployment: one.deploymentId,
      },
      pay: {
        ...common,
        name: "pay",
        hostname: "pay.shop.local",
        origin: "adopted",
        state: "serving",
        sentence: "pay serves 1.8.2 from blue",
        since: start - 86000,
        image: "shop/pay:4",
        sides: sides(0),
      },
    },
    traffic: traffic(),
    deployments: { [one.deploymentId]: one },
    tasks: Object.fromEntries(
      [
        task("0a1b2c3d4e", { side: "blue" }),
        task("1f2e3d4c5b", { side: "blue" }),
        task("9a8b7c6d5e", {
          side: "green",
          image: "registry.example/shop/web:1.9.0",
          startedAt: start - 60,
        }),
        task("77aa88bb99", {
          side: "green",
          status: "PENDING",
          health: "UNKNOWN",
          startedAt: undefined,
          createdAt: start - 4,
          address: undefined,
        }),
        task("5d5d5d5d5d", {
          side: "green",
          status: "STOPPED",
          stoppedAt: start - 8,
          stoppedReason: "Essential container in task exited",
          containers: [{ name: "app", exitCode: 3, reason: "cannot read config.yml" }],
        }),
      ].map((one) => [one.task, one]),
    ),
    envoys: {
      "shop/a": {
        id: "web-0a1b2c3d4e",
        mesh: "shop",
        resource: "mesh/shop/virtualNode/web-blue",
        connected: true,
        current: true,
      },
      "shop/b": {
        id: "web-9a8b7c6d5e",
        mesh: "shop",
        resource: "mesh/shop/virtualNode/web-green",
        connected: true,
        current: false,
        revision: 112,
      },
      "shop/c": {
        id: "pay-1",
        mesh: "shop",
        resource: "mesh/shop/virtualNode/pay-blue",
        connected: true,
        current: false,
        message: "Error adding listener: duplicate filter chain",
      },
    },
    mesh: { shop: { name: "shop", ...graph() } },
    edges: {
      "shop virtualGateway/ingress virtualNode/web-blue": { perSecond: 19.6, errorsPerSecond: 0 },
      "shop virtualGateway/ingress virtualNode/web-green": {
        perSecond: 20.4,
        errorsPerSecond: 0.2,
      },
      "shop virtualNode/web-blue virtualNode/pay-blue": { perSecond: 38, errorsPerSecond: 0 },
    },
  };
}

export function tick(): Change {
  return { traffic: { put: traffic() } };
}

export function answer(operation: string): object {
  const windows = Array.from({ length: 9 }, (_, index) => ({
    index,
    step: index < 5 ? 0 : 1,
    startedAt: start - 92 + 10 * index,
    seconds: 10,
    old: {
      requests: 300,
      failures: 0,
      perSecond: index < 5 ? 36 : 20,
      p50: 2.2,
      p99: 9 + (index % 3),
    },
    new: {
      requests: 100,
      failures: index % 4 === 3 ? 1 : 0,
      perSecond: index < 5 ? 4 : 20,
      p50: 2.4,
      p99: 30 + 2 * index,
    },
  }));
  const answers: Record<string, object> = {
    ListWindows: { windows },
    ListCallers: {
      callers: [
        {
          caller: "ingress",
          resource: "mesh/shop/virtualGateway/ingress",
          old: { requests: 900, failures: 0 },
          new: { requests: 367, failures: 2 },
        },
      ],
    },
    ListJournal: {
      entries: ["CREATED", "SCALING_UP", "ADDING_TARGET", "SHIFTING", "MEASURING"].map(
        (transition, index) => ({
          sequence: index + 1,
          at: start - 95 + 11 * index,
          transition,
          status: "IN_PROGRESS",
          message: "green gets 10 % of the requests, as every Envoy has the new cluster",
          by: index === 0 ? "alice" : undefined,
        }),
      ),
    },
    ListDeployments: {
      deployments: [
        deployment(),
        {
          ...deployment(),
          deploymentId: "b",
          number: 6,
          status: "ROLLBACK_SUCCESSFUL",
          finishedAt: start - 9000,
          createdAt: start - 9300,
          reason: "errors failed: 12 of 90 requests to green failed, 0 of 800 to blue",
        },
      ],
    },
    GetDeployment: { deployment: deployment() },
    GetLogs: {
      lines: Array.from({ length: 12 }, (_, n) => ({
        task: "0a1b",
        container: n % 3 ? "app" : "envoy",
        line: `GET /health 200 ${n} ms`,
      })),
    },
    ListEvents: {
      events: Array.from({ length: 50 }, (_, n) => ({
        revision: 118 - n,
        at: start - 30 * n,
        actor: n % 2 ? "alice" : "engine",
        operation: n % 2 ? "Deploy" : "UpdateRoute",
        message: "",
        sentence: `web: green gets ${10 + n} % of the requests`,
      })),
    },
  };
  return answers[operation] ?? {};
}
