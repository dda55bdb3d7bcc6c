/** One line of the module, read. */
export interface Line {
  readonly kind: string;
  /** -1: nobody's task, as the worker that ends files. */
  readonly actor: number;
  /** Place of the step. */
  readonly index: number;
  readonly atomic: boolean;
  /** Of a `p` line: what it tells. */
  readonly word: string;
  readonly numbers: readonly number[];
  readonly text: string;
}

export function readLine(text: string): Line {
  const words = text.split(" ");
  const kind = words[0]!;
  const told = kind === "p";
  return {
    kind,
    actor: Number(words[1]),
    index: Number(words[2]),
    atomic: words[3] === "1",
    word: told ? words[4]! : "",
    numbers: words.slice(told ? 5 : 4).map(Number),
    text: words.slice(4).join(" ").trim(),
  };
}

/** Where the slots of buffers' own reservation objects begin. */
export const firstReservation = 8;
/** Names behind slots. */
export const bufferName = (slot: number) => `b${slot + 1}`;
export const fenceName = (slot: number) => `f${slot + 1}`;
export const lockName = (slot: number) => bufferName(slot - firstReservation);
