/** The order of names, for people. Made once: of hundreds of names each comparison counts. */

const collator = new Intl.Collator();

export const byName: (one: string, other: string) => number = collator.compare;
