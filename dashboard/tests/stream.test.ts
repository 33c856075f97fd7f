import { describe, expect, test } from "vitest";
import { changed, nothing, whole } from "../src/data/changes";
import { between } from "../src/data/moments";
import { renewal, type Standing } from "../src/data/renewal";
import { EventParser } from "../src/data/sse";
import { after, blind, due, pause, SILENCE } from "../src/data/stream";
import type { Service } from "../src/data/wire";

const TEXT = `id: 5f-1\r
event: snapshot
data: {"control":{}}

: a comment
event: beat
data: {"at":
data: 12.5}

`;

describe("the form of the events", () => {
  test.each([1, 2, 3, 7, 1000])("is read the same in pieces of %i characters", (size) => {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < TEXT.length; at += size)
      events.push(...parser.feed(TEXT.slice(at, at + size)));
    expect(events).toEqual([
      { id: "5f-1", event: "snapshot", data: '{"control":{}}' },
      { id: undefined, event: "beat", data: '{"at":\n12.5}' },
    ]);
  });

  test("an event that has not ended is not told", () => {
    expect(new EventParser().feed("event: beat\ndata: {}\n")).toEqual([]);
  });
});

const web = { name: "web", state: "serving" } as Service;

describe("what is known", () => {
  test("an old control plane that lacks a section leaves it empty", () => {
    expect(whole({ services: { web } }).tasks).toEqual({});
  });

  test("a change puts and drops items, and leaves other sections the same object", () => {
    const before = whole({ services: { web, old: { ...web, name: "old" } } });
    const next = changed(before, {
      services: { put: { web: { ...web, state: "failed" } }, gone: ["old", "never"] },
    });
    expect(Object.keys(next.services)).toEqual(["web"]);
    expect(next.services.web?.state).toBe("failed");
    expect(next.tasks).toBe(before.tasks);
    expect(before.services.web?.state).toBe("serving");
  });

  test("a section that this page does not know does no harm", () => {
    expect(changed(nothing(), { future: { put: { a: 1 } } } as never).services).toEqual({});
  });
});

describe("a sight", () => {
  const heard = (event: string, data: object, id?: string) => ({
    connected: true,
    at: 5000,
    event: { event, data: JSON.stringify(data), id },
  });

  test("follows from a snapshot and changes, and keeps the id through beats", () => {
    let sight = after(blind(), heard("snapshot", { services: { web } }, "a-1"));
    sight = after(sight, heard("change", { services: { gone: ["web"] } }, "a-2"));
    sight = after(sight, heard("beat", { at: 9 }));
    expect(sight).toMatchObject({
      seen: true,
      connected: true,
      id: "a-2",
      heardAt: 5000,
      offset: 4000,
    });
    expect(sight.known.services).toEqual({});
  });

  test("a lost connection keeps what was seen, and when", () => {
    const sight = after(blind(), heard("snapshot", { services: { web } }, "a-1"));
    const lost = after(sight, { connected: false, at: 9000 });
    expect(lost).toMatchObject({ seen: true, connected: false, heardAt: 5000, id: "a-1" });
    expect(lost.known).toBe(sight.known);
  });

  test("after a silence the tab that leads reads anew, and one that follows leads, but later", () => {
    expect(due(true, SILENCE, 0)).toBe(false);
    expect(due(true, SILENCE + 1, 0)).toBe(true);
    expect(due(false, SILENCE + 1, 0.5)).toBe(false);
    expect(due(false, 1.5 * SILENCE + 1, 0.5)).toBe(true);
    expect(due(false, 8 * 3600 * 1000, 1)).toBe(true);
  });

  test("tries come later each time, and within ten seconds or so for ever", () => {
    const times = [0, 1, 2, 3, 4, 5, 6, 50].map((tries) => pause(tries, 0.5));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(pause(10_000, 1)).toBeLessThanOrEqual(12_500);
    expect(pause(0, 0)).toBeGreaterThan(0);
  });
});

describe("time between two moments", () => {
  const at = (wall: number, steady: number) => ({ wall, steady });

  test("counts on while a machine sleeps, and while its clock is set back", () => {
    expect(between(at(1000, 50), at(1500, 550))).toBe(500);
    expect(between(at(1000, 50), at(3_601_000, 60))).toBe(3_600_000);
    expect(between(at(3_600_000, 50), at(0, 30_050))).toBe(30_000);
    expect(between(at(1000, 50), at(0, 50))).toBe(0);
  });
});

describe("a page of another version", () => {
  const old: Standing = { served: "b.js", mine: "a.js", tried: null, busy: false };

  test("is loaded", () => {
    expect(renewal(old)).toBe("load");
    expect(renewal({ ...old, tried: "z.js" })).toBe("load");
  });

  test("is only told to who is in the middle of something, and if loading it did not help", () => {
    expect(renewal({ ...old, busy: true })).toBe("tell");
    expect(renewal({ ...old, tried: "b.js" })).toBe("tell");
  });

  test("is none where nothing is known, or it is the same", () => {
    expect(renewal({ ...old, served: undefined })).toBe("none");
    expect(renewal({ ...old, mine: undefined })).toBe("none");
    expect(renewal({ ...old, served: "a.js", busy: true })).toBe("none");
  });
});
