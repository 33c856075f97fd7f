/** Moments by two clocks: the wall's may be set, and the other one stands still while a machine
 * sleeps. */

export interface Moment {
  wall: number;
  steady: number;
}

export function present(): Moment {
  return { wall: Date.now(), steady: performance.now() };
}

/** The milliseconds from one moment to another, by the clock that says more: what is older than that
 * is not taken for new. Never negative. */
export function between(then: Moment, now: Moment): number {
  return Math.max(0, now.wall - then.wall, now.steady - then.steady);
}
