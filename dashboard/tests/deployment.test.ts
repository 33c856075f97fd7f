import { describe, expect, test } from "vitest";
import type { Deployment, GroupDeployment, StepEvidence, Window } from "../src/data/wire";
import { course, difference, eValue, summed, wayTo } from "../src/pages/deployment/figures";
import { actions, groupActions, groupOperation, operation } from "../src/pages/deployment/orders";
import { stops } from "../src/pages/deployment/track";

const running: Deployment = {
  deploymentId: "4b1c",
  service: "web",
  mesh: "shop",
  steps: [10, 50, 100],
  step: 1,
  oldSide: "blue",
  newSide: "green",
  phase: "PRODUCTION_TRAFFIC_SHIFT",
  status: "IN_PROGRESS",
  state: "MEASURING",
  createdAt: 100,
};
const at = (more: Partial<Deployment>): Deployment => ({ ...running, ...more });
const standings = (one: Deployment) => stops(one).map((stop) => stop.standing);

describe("the track", () => {
  test("has each step, with one place where it stands", () => {
    expect(standings(running)).toEqual(["done", "done", "done", "here", "ahead", "ahead", "ahead"]);
    expect(stops(running).map((stop) => stop.weight)).toEqual([
      undefined,
      undefined,
      10,
      50,
      100,
      undefined,
      undefined,
    ]);
  });

  test.each([
    ["SCALE_UP", 0],
    ["TEST_TRAFFIC_SHIFT", 1],
    ["BAKE_TIME", 5],
    ["CLEAN_UP", 6],
  ])("in %s it stands at stop %i", (phase, index) => {
    expect(standings(at({ phase })).indexOf("here")).toBe(index);
  });

  test("is all done after success", () => {
    expect(new Set(standings(at({ status: "SUCCESSFUL", phase: "CLEAN_UP" })))).toEqual(
      new Set(["done"]),
    );
  });

  test("shows from where it went back, whatever phase the way back is in", () => {
    const evidence = [{ step: 0 }, { step: 1 }] as StepEvidence[];
    const back = at({ status: "ROLLBACK_SUCCESSFUL", phase: "CLEAN_UP", evidence });
    expect(standings(back).indexOf("left")).toBe(3);
    expect(standings(at({ status: "STOPPED", phase: "SCALE_UP" })).indexOf("left")).toBe(0);
  });
});

describe("what can be ordered", () => {
  test("of a step that runs", () => {
    expect(actions(running, true)).toEqual(["promote", "promoteFull", "pause", "abort"]);
    expect(actions(at({ pausedBy: "alice" }), true)).toContain("resume");
  });
  test("before the new side has weight there is no step to skip", () => {
    expect(actions(at({ phase: "SCALE_UP" }), true)).toEqual(["promoteFull", "pause", "abort"]);
  });
  test("of one that waits for people", () => {
    expect(actions(at({ state: "AWAITING_APPROVAL" }), true)).toEqual([
      "approve",
      "pause",
      "abort",
    ]);
    expect(actions(at({ state: "HELD" }), true)).toEqual(["resume", "takeOver", "abort", "giveUp"]);
  });
  test("nothing of the way back, of the end, or of one that is not the latest", () => {
    expect(actions(at({ status: "ROLLBACK_IN_PROGRESS" }), true)).toEqual([]);
    expect(actions(at({ phase: "CLEAN_UP" }), true)).toEqual([]);
    expect(actions(at({ status: "SUCCESSFUL" }), false)).toEqual([]);
  });
  test("after the end: back, or again", () => {
    expect(actions(at({ status: "SUCCESSFUL" }), true)).toEqual(["rollback"]);
    expect(actions(at({ status: "ROLLBACK_FAILED" }), true)).toEqual(["retry"]);
  });
  test("a member of a group is steered with its group", () => {
    expect(operation("pause", running)).toEqual(["Pause", { service: "web" }]);
    expect(operation("promoteFull", at({ group: "all" }))).toEqual([
      "PromoteGroup",
      { group: "all", full: true },
    ]);
    expect(operation("takeOver", at({ group: "all" }))).toEqual([
      "Resume",
      { service: "web", takeOver: true },
    ]);
    expect(operation("resume", at({ group: "all", pausedBy: "alice" }))[0]).toBe("ResumeGroup");
    expect(operation("resume", at({ group: "all", state: "HELD" }))).toEqual([
      "Resume",
      { service: "web" },
    ]);
    expect(operation("giveUp", at({ group: "all", state: "HELD" }))).toEqual([
      "AbortGroup",
      { group: "all", giveUp: true },
    ]);
  });
  test("a group is steered as one", () => {
    const group = (more: Partial<GroupDeployment>): GroupDeployment => ({
      groupDeploymentId: "g",
      group: "all",
      number: 1,
      kind: "DEPLOY",
      status: "IN_PROGRESS",
      state: "SHIFTING",
      startedBy: "alice",
      members: [{ service: "web", image: "web:2", after: [], deployment: running }],
      sentence: "",
      journal: [],
      createdAt: 1,
      updatedAt: 1,
      ...more,
    });
    const forward = ["promote", "promoteFull", "pause", "abort"];
    expect(groupActions(group({}), true)).toEqual(forward);
    const waiting = { service: "pay", image: "", after: [] };
    const asks = { ...waiting, deployment: at({ state: "AWAITING_APPROVAL" }) };
    expect(groupActions(group({ members: [asks] }), true)).toEqual(["approve", ...forward]);
    expect(groupActions(group({ pausedBy: "alice" }), true)).toContain("resume");
    expect(groupActions(group({ state: "FINISHING" }), true)).toEqual([]);
    expect(groupActions(group({ status: "ROLLBACK_IN_PROGRESS" }), true)).toEqual([]);
    expect(groupActions(group({ status: "SUCCESSFUL", finishedAt: 9 }), true)).toEqual([
      "rollback",
    ]);
    expect(groupActions(group({ status: "STOPPED", finishedAt: 9 }), true)).toEqual(["retry"]);
    expect(groupActions(group({}), false)).toEqual([]);
    expect(groupOperation("abort", "all")).toEqual(["AbortGroup", { group: "all" }]);
  });
});

const side = (requests: number, failures: number) => ({
  requests,
  failures,
  perSecond: requests / 10,
});
const window = (index: number, startedAt: number): Window => ({
  index,
  step: 0,
  startedAt,
  seconds: 10,
  old: side(90, 0),
  new: side(10, 1),
});

describe("figures", () => {
  test("the difference agrees with Newcombe's published example", () => {
    // Newcombe 1998, table II, method 10: 56/70 − 48/80 = 0.2, from 0.0524 to 0.3339.
    const found = difference(48, 80, 56, 70);
    expect(found?.difference).toBeCloseTo(0.2, 6);
    expect(found?.low).toBeCloseTo(0.0524, 3);
    expect(found?.high).toBeCloseTo(0.3339, 3);
  });
  test("without requests there is no difference", () => {
    expect(difference(0, 0, 1, 5)).toBeUndefined();
  });
  test("an e-value is written as people write it, and is on its way to its bound", () => {
    expect(eValue(0)).toBe("1.00");
    expect(eValue(Math.log(300))).toBe("300");
    expect(eValue(Math.log(20))).toBe("20");
    expect(eValue(Math.log(21390))).toBe("21,390");
    expect(eValue(Math.log(1e9))).toBe("10^9");
    expect(wayTo(-3, 5)).toBe(0);
    expect(wayTo(10, 5)).toBe(1);
    expect(wayTo(2.5, 5)).toBe(0.5);
  });
  test("windows add up", () => {
    expect(summed([window(0, 0), window(1, 10)]).new).toEqual({
      requests: 20,
      failures: 2,
      clientErrors: 0,
    });
  });
  test("the course is of the windows, and then of what the page saw after them", () => {
    const seen = (at: number) => ({
      at,
      sides: { blue: { requests: 100, errors: 0, perSecond: 10, p99: 9 } },
    });
    const found = course(
      [window(0, 100), window(1, 110)],
      [seen(115), seen(121)],
      ["blue", "green"],
      100,
      130,
    );
    expect(found.times).toEqual([110, 120, 121]);
    expect(found.requests).toEqual([
      [9, 9, 10],
      [1, 1, null],
    ]);
    expect(found.errors[1]).toEqual([0.1, 0.1, null]);
    expect(course([], [seen(131)], ["blue", "green"], 100, 130).times).toEqual([]);
  });
});
