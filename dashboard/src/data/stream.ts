/** One stream a browser, shared by its tabs: the tab that holds the lock reads it and tells the
 * others. When it closes, another takes over where it stopped; when it is frozen, another takes the
 * lock from it.
 *
 * HTTP/1.1 allows six connections to an origin, so a stream a tab would block the seventh tab.
 * https://developer.mozilla.org/docs/Web/API/Web_Locks_API */

import { changed, nothing, whole } from "./changes";
import { between, type Moment, present } from "./moments";
import { authorization, forget, type RefusedAnswer, refused, type Session } from "./session";
import { EventParser, type ServerEvent } from "./sse";
import type { Change, Snapshot } from "./wire";

export interface Sight {
  known: Snapshot;
  /** Whether a snapshot has come. */
  seen: boolean;
  connected: boolean;
  /** When the control plane was last heard, by this machine's clock in milliseconds. */
  heardAt: number;
  /** The control plane's clock less this machine's, in milliseconds. */
  offset: number;
  /** The last event, to resume from. */
  id: string | null;
}

type Told = { kind: "sight"; sight: Sight } | { kind: "event"; event: Heard } | { kind: "ask" };
interface Heard {
  connected: boolean;
  at: number;
  event?: ServerEvent;
}

const CHANNEL = "teal.stream";
const LOCK = "teal.stream";
/** Without a beat for this long, in milliseconds, the connection is dead: one comes each 10 s. By
 * clocks and not by a timer, which stands still while a laptop sleeps. */
export const SILENCE = 25_000;
const LOOK = 1000;

export function blind(): Sight {
  return { known: nothing(), seen: false, connected: false, heardAt: 0, offset: 0, id: null };
}

/** What is seen after something was heard. Pure. */
export function after(sight: Sight, heard: Heard): Sight {
  const next: Sight = { ...sight, connected: heard.connected };
  const event = heard.event;
  if (event === undefined) return next;
  next.heardAt = heard.at;
  next.id = event.id ?? sight.id;
  if (event.event === "snapshot") {
    next.known = whole(JSON.parse(event.data) as Partial<Snapshot>);
    next.seen = true;
  } else if (event.event === "change") {
    next.known = changed(sight.known, JSON.parse(event.data) as Change);
  } else if (event.event === "beat") {
    next.offset = (JSON.parse(event.data) as { at: number }).at * 1000 - heard.at;
  }
  return next;
}

/** How long to wait before the next try, in milliseconds; ``random`` is from 0 to 1. */
export function pause(tries: number, random: number): number {
  return Math.min(10_000, 500 * 2 ** Math.min(tries, 6)) * (0.75 + random / 2);
}

/** Whether a tab that has heard nothing for ``silent`` milliseconds does something. The one that leads
 * opens the stream anew; another takes the lead, later by up to as long again, so that not all do at
 * once. ``random`` is from 0 to 1. Pure. */
export function due(leads: boolean, silent: number, random: number): boolean {
  return silent > (leads ? SILENCE : SILENCE * (1 + random));
}

/** Watches until ``signal`` aborts; ``show`` is called with each new sight. */
export class Watch {
  private sight = blind();
  private readonly channel = new BroadcastChannel(CHANNEL);
  private leads = false;
  /** When anything was heard, of the control plane or of the tab that leads. */
  private heard: Moment = present();
  private readonly random = Math.random();
  /** Ends the stream that is read. */
  private reading: AbortController | null = null;
  /** Ends the pause between two tries. */
  private hurry: (() => void) | null = null;

  constructor(
    private readonly session: Session,
    private readonly show: (sight: Sight) => void,
    private readonly signal: AbortSignal,
  ) {
    this.channel.onmessage = (event: MessageEvent<Told>) => this.told(event.data);
    const timer = setInterval(this.look, LOOK);
    // Where a tab was hidden or a machine slept, timers come late.
    document.addEventListener("visibilitychange", this.back);
    window.addEventListener("online", this.back);
    signal.addEventListener("abort", () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", this.back);
      window.removeEventListener("online", this.back);
      this.reading?.abort();
      this.hurry?.();
      this.channel.close();
    });
    this.channel.postMessage({ kind: "ask" } satisfies Told);
    void this.wait(false);
  }

  private readonly look = () => {
    if (!due(this.leads, between(this.heard, present()), this.random)) return;
    this.heard = present();
    if (this.leads) this.reading?.abort();
    else void this.wait(true);
  };

  private readonly back = () => {
    if (document.hidden) return;
    this.look();
    this.hurry?.();
  };

  /** Lead once the lock is here, which waits for the other tabs; with ``steal`` at once. */
  private async wait(steal: boolean): Promise<void> {
    const locks = (navigator as { locks?: LockManager }).locks;
    try {
      // Without locks, as on a page that is not from this machine, each tab has its own stream.
      if (locks === undefined) await this.lead();
      else if (steal) await locks.request(LOCK, { steal: true }, () => this.lead());
      else await locks.request(LOCK, { signal: this.signal }, () => this.lead());
    } catch (error) {
      if (this.signal.aborted) return;
      if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
      // Another tab has taken the lead, as this one was silent: it is told from now on.
      this.leads = false;
      this.heard = present();
      this.reading?.abort();
      this.hurry?.();
      // What it has missed meanwhile is in no change that comes now.
      this.channel.postMessage({ kind: "ask" } satisfies Told);
      await this.wait(false);
    }
  }

  private told(told: Told): void {
    if (told.kind === "ask") {
      if (this.leads) this.channel.postMessage({ kind: "sight", sight: this.sight } satisfies Told);
    } else if (!this.leads) {
      this.heard = present();
      this.see(told.kind === "sight" ? told.sight : this.followed(told.event));
    }
  }

  /** A tab that came in the middle waits for the whole before it takes changes. */
  private followed(heard: Heard): Sight {
    if (!this.sight.seen && heard.event?.event === "change") return this.sight;
    return after(this.sight, heard);
  }

  private see(sight: Sight): void {
    this.sight = sight;
    this.show(sight);
  }

  private hear(heard: Heard): void {
    this.see(after(this.sight, heard));
    this.channel.postMessage({ kind: "event", event: heard } satisfies Told);
  }

  private get ended(): boolean {
    return this.signal.aborted || !this.leads;
  }

  private async lead(): Promise<void> {
    this.leads = true;
    let tries = 0;
    while (!this.ended) {
      const before = this.sight.heardAt;
      try {
        if ((await this.read()) === "over") return;
      } catch {
        // Gone or silent: shown as such, and tried again.
      }
      if (this.ended) return;
      if (this.sight.heardAt !== before) tries = 0;
      this.hear({ connected: false, at: Date.now() });
      await this.pause(pause(tries++, Math.random()));
    }
  }

  private async pause(time: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.hurry = resolve;
      setTimeout(resolve, time);
    });
    this.hurry = null;
  }

  private async read(): Promise<"again" | "over"> {
    const stop = new AbortController();
    this.reading = stop;
    this.heard = present();
    try {
      const resume: Record<string, string> =
        this.sight.seen && this.sight.id ? { "Last-Event-ID": this.sight.id } : {};
      const answer = await fetch("/_teal/stream", {
        headers: { Accept: "text/event-stream", ...authorization(this.session.token), ...resume },
        signal: stop.signal,
      });
      if (answer.status === 401) {
        forget(refused(answer, (await answer.json()) as RefusedAnswer));
        return "over";
      }
      if (!answer.ok || answer.body === null) return "again";
      const parser = new EventParser();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      this.hear({ connected: true, at: Date.now() });
      for (;;) {
        const { done, value } = await reader.read();
        if (done || this.ended) return "again";
        this.heard = present();
        for (const event of parser.feed(value)) {
          this.hear({ connected: true, at: Date.now(), event });
        }
      }
    } finally {
      this.reading = null;
      stop.abort();
    }
  }
}
