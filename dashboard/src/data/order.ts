/** The order of names, for people: web-2 comes before web-10. Made once: of hundreds of names each
 * comparison counts. */

const collator = new Intl.Collator(undefined, { numeric: true });

export const byName: (one: string, other: string) => number = collator.compare;
