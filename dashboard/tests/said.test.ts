import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Makings, Said } from "../src/text/said";

// What a browser has, and Node has not.
vi.stubGlobal("localStorage", { getItem: () => "ja", setItem: () => undefined });
vi.stubGlobal("document", { documentElement: {} });
const { language } = await import("../src/text");
const { known, told } = await import("../src/text/said");

const leaf = (text: string): Said => ({ text });
const tasks: Said = {
  text: "2 tasks",
  template: "{n} tasks",
  values: { n: leaf("2") },
};
const detail: Said = {
  text: "1 of 2 tasks healthy, 1 running",
  template: "{healthy} of {tasks} healthy, {running} running",
  values: { healthy: leaf("1"), tasks, running: leaf("1") },
};
const makings = (said: Said): Makings => ({ [said.text]: said });

describe("a sentence of the control plane", () => {
  beforeEach(() => {
    language.value = "ja";
  });

  test("is said in the reader's language", () => {
    expect(told(detail.text, makings(detail))).toBe("タスク 2 件中 1 件が正常、1 件が実行中");
    expect(known(detail.text, makings(detail))).toBe(true);
    language.value = "en";
    expect(told(detail.text, makings(detail))).toBe(detail.text);
  });

  test("stays as it came where it is not known", () => {
    const other: Said = {
      text: "quite new: x",
      template: "quite new: {x}",
      values: { x: leaf("x") },
    };
    expect(told(other.text, makings(other))).toBe("quite new: x");
    expect(known(other.text, makings(other))).toBe(false);
    expect(told("by others", undefined)).toBe("by others");
    expect(known("by others", undefined)).toBe(false);
  });

  test("that only joins others has their signs", () => {
    const joined: Said = {
      text: `tasks: ${detail.text}; share: {x}`,
      template: "{_0}: {_1}; {_2}",
      values: { _0: leaf("tasks"), _1: detail, _2: leaf("share: {x}") },
    };
    expect(told(joined.text, makings(joined))).toBe(
      "tasks：タスク 2 件中 1 件が正常、1 件が実行中。share: {x}",
    );
    const names: Said = {
      text: "web and pay",
      template: "{_0} and {_1}",
      values: { _0: leaf("web"), _1: leaf("pay") },
    };
    expect(told(names.text, makings(names))).toBe("webとpay");
  });

  test("names states in words", () => {
    const paused: Said = {
      text: "paused by alice in MEASURING",
      template: "paused by {paused_by} in {state}",
      values: { paused_by: leaf("alice"), state: leaf("MEASURING") },
    };
    expect(told(paused.text, makings(paused))).toBe("alice が一時停止（測定）");
  });
});
