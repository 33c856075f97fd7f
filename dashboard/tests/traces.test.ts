import { expect, test } from "vitest";
import { bar, failed, LEAST, request } from "../src/pages/traces/bars";
import type { Span, Trace } from "../src/pages/traces/wire";

const TRACE: Trace = {
  traceId: "1-5759e988-bd862e3fe1be46a994272793",
  startedAt: 1000,
  seconds: 2,
  service: "shop/edge",
  name: "ingress",
  services: ["shop/edge"],
  spans: 1,
};

function span(startedAt: number, seconds?: number): Span {
  const common = { spanId: "1", depth: 0, service: "web", name: "work", kind: "server" };
  return seconds === undefined ? { ...common, startedAt } : { ...common, startedAt, seconds };
}

test("a step is drawn when it ran", () => {
  expect(bar(span(1000.5, 1), TRACE)).toEqual({ left: 25, width: 50 });
  expect(bar(span(1001), TRACE)).toEqual({ left: 50, width: 50 });
});

test("a step is drawn as long as it took where its clock is ahead or behind", () => {
  expect(bar(span(1002, 1), TRACE)).toEqual({ left: 50, width: 50 });
  expect(bar(span(999, 1), TRACE)).toEqual({ left: 0, width: 50 });
});

test("a step is never drawn outside, whatever the clocks of others say", () => {
  for (const started of [-1e9, 999, 1000, 1002, 1e12]) {
    for (const seconds of [undefined, 0, 1e-6, 5, 1e12]) {
      const { left, width } = bar(span(started, seconds), { ...TRACE, seconds: 0 });
      expect(left).toBeGreaterThanOrEqual(0);
      expect(width).toBeGreaterThanOrEqual(LEAST - 1e-9);
      expect(left + width).toBeLessThanOrEqual(100 + 1e-9);
    }
  }
});

test("a request is told by its method and its URL", () => {
  expect(request({ name: "ingress", method: "GET", url: "http://web.local/a?b" })).toBe(
    "GET web.local/a?b",
  );
  expect(request({ name: "work" })).toBe("work");
});

test("what failed is told apart", () => {
  expect([failed({}), failed({ throttle: true })]).toEqual([false, true]);
});
