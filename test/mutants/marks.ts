/** What is hard about a mutant. Each mark is checked against what the mutant does: see mark-checks.ts. */
export type Mark =
  /** Nothing of fewer than twelve steps, preemptions and failures is known to show it. */
  | "deep"
  /** It spoils state of the implementation, and no event shows that: whole steps go by as if nothing were wrong. */
  | "hidden"
  /** Somebody has to come in the middle of a compound operation: no order of whole operations shows it. */
  | "window";

/** How many of each there are at least. */
export const fewest: Readonly<Record<Mark, number>> = { deep: 12, hidden: 12, window: 12 };

const deep = [
  "ATT-13 an invalidate reaches the nine newest attachments",
  "ATT-20 power is given back for the ten first attachments of a buffer",
  "ATT-03 the eleventh attach to a buffer does not ask the exporter",
  "CPU-14 the count of kernel mappings starts again after eleven",
  "CPU-36 the eleventh begin of a buffer does not reach the exporter",
  "FENCE-13 the eleventh callback of a fence is forgotten",
  "FENCE-29 the eleventh deadline of a fence is not passed on",
  "LIFE-29 the eleventh seek of a buffer answers nothing",
  "LIFE-31 the eleventh name of a buffer is cut short",
  "PIN-03 ten pins are taken for none",
  "RESV-46 the tenth entry takes the place of the first",
  "REV-07 nine mappings are more than a revoke can count",
];

const hidden = [
  "CPU-13 a vmap that failed counts as a user",
  "CPU-16 a vmap that failed leaves its pin",
  "DMAMAP-32 addresses come back before the flush",
  "FENCE-25 one member is enough",
  "FENCE-30 a second signal overwrites the stamp",
  "LIFE-31 a refused name clears the old one",
  "LIFE-37 a failed export leaves its buffer on the list",
  "LIFE-20 a new buffer starts open although the memory is off",
  "MOVE-08 the callback does not mark the mapping",
  "P2P-09 what was found out outlives the driver",
  "PIN-05 a pin that fails counts all the same",
  "PIN-17 unpin leaves the buffer where it is",
  "PIN-20 one unpin drops every pin",
  "RESV-11 the retry gets a new age stamp",
  "RESV-16 a reserve that fails leaves the list turned round",
  "RESV-17 a growing list is cut at the first signaled fence",
  "RESV-21 a later fence pushes out a stronger one",
  "RESV-22 unlock drops the newest fence if it is BOOKKEEP",
  "RESV-35 a copy merges",
  "RESV-45 a replace stops at the first entry",
  "REV-15 a failed map is counted",
  "REV-20 unrevoke leaves the flag set",
  "REV-37 closing the device opens its buffers again",
  "SYNC-16 a direction is watched once and never again",
];

const window = [
  "ATT-12 the callback uses what attach has not returned yet",
  "FAULT-03 the sequence is not looked at before the entry is written",
  "FAULT-03 the sequence is read after the list",
  "FAULT-04 the removal is counted when it is over",
  "FAULT-04 faults go on while the callback takes entries out",
  "LIFE-18 the walk takes references without asking whether one is left",
  "LIFE-37 the walk revives a buffer without references",
  "MAP-34 maps of one buffer run beside each other",
  "MMUN-09 the last put of the address space comes under the lock of the callback",
  "REV-03 the flag is set after the lock was dropped",
  "REV-21 the flag is cleared in the next hold of the lock",
  "REV-53 an early message makes creation fail with the pin taken",
];

const lists: Readonly<Record<Mark, readonly string[]>> = { deep, hidden, window };

/** The marks of a mutant, by its name. */
export function marksOf(name: string): readonly Mark[] {
  return (Object.keys(lists) as readonly Mark[]).filter((mark) => lists[mark].includes(name));
}

/** Names that are marked. */
export const markedNames: readonly string[] = [...new Set([...deep, ...hidden, ...window])];

/** What `npm run mutants` says of the marks; null for `problem` where there are enough of each. */
export function countMarks(mutants: readonly { readonly marks: readonly Mark[] }[]): {
  readonly text: string;
  readonly problem: string | null;
} {
  const count = (mark: Mark) => mutants.filter(({ marks }) => marks.includes(mark)).length;
  const few = (Object.keys(fewest) as readonly Mark[]).filter((mark) => count(mark) < fewest[mark]);
  return {
    text: `${count("deep")} of depth 12 and more, ${count("hidden")} of hidden state, ${count("window")} that need a window`,
    problem: few.length === 0 ? null : `fewer than ${few.map((mark) => `${fewest[mark]} ${mark}`).join(", ")}`,
  };
}
