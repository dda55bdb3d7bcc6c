import type { ScopeTour } from "../../generators/tour/tours.ts";

/** How much of a scope some slices have carried out: plain data that merges. */
export interface Toured {
  readonly transitions: number;
  /** Which of them were carried out and ended as the scope says: a bit each, in base64. */
  readonly taken: string;
  /** Transitions carried out, the repeated ones too, and the fewest with which a tour can do. */
  readonly steps: number;
  readonly bound: number;
  /** Where the implementation left the scope, in words: the first ten. */
  readonly departures: readonly string[];
}

/** The same as a report tells it. */
export interface TourReport extends Omit<Toured, "taken"> {
  readonly scope: string;
  readonly taken: number;
}

const mostDepartures = 10;

/** What tours have taken, by the name of the scope. */
export function touredOf(tours: readonly ScopeTour[]): Readonly<Record<string, Toured>> {
  return Object.fromEntries(
    tours.map(({ scope, transitions, done, steps, bound, departures }) => [
      scope,
      { transitions, taken: Buffer.from(done).toString("base64"), steps, bound, departures: [...departures] },
    ]),
  );
}

/** Union of what was taken, sum of the steps. */
export function mergeToured(first: Toured, second: Toured): Toured {
  const [one, other] = [Buffer.from(first.taken, "base64"), Buffer.from(second.taken, "base64")];
  return {
    transitions: first.transitions,
    taken: Buffer.from(one.map((byte, index) => byte | other[index]!)).toString("base64"),
    steps: first.steps + second.steps,
    bound: first.bound,
    departures: [...new Set([...first.departures, ...second.departures])].toSorted().slice(0, mostDepartures),
  };
}

/** One line a scope, in the order of their names. */
export function tourReports(tours: Readonly<Record<string, Toured>>): readonly TourReport[] {
  return Object.entries(tours)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([scope, toured]) => ({ scope, ...toured, taken: bitsIn(Buffer.from(toured.taken, "base64")) }));
}

function bitsIn(bytes: Buffer): number {
  let bits = 0;
  for (const byte of bytes) for (let left = byte; left !== 0; left &= left - 1) bits += 1;
  return bits;
}
