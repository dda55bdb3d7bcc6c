import type { Verdict } from "../../contracts/monitor.ts";
import type { RetEvent } from "../../spec/event.ts";
import type { BufferState, State } from "../../spec/state/state.ts";

/** The buffer that a piece of storage was ever behind, by the name of the storage. */
export type Homes = (state: State) => ReadonlyMap<string, { readonly buffer: string }>;

/** A buffer that a device reached through its page table, and where. */
export interface Reached {
  readonly name: string;
  readonly buffer: BufferState;
  /** The storage behind the entry. */
  readonly target: string;
}

/** The buffer that a touch reached; null where it reached none. */
export function reachedBy(homes: Homes, { answer, target }: RetEvent<"touch">, state: State): Reached | null {
  const name = answer === "ok" && target !== null ? homes(state).get(target)?.buffer : undefined;
  const buffer = name === undefined ? undefined : state.buffers.get(name);
  return name === undefined || buffer === undefined || target === null ? null : { name, buffer, target };
}

/** What was reached has to be where the buffer is now. */
export function judgePlace({ by }: RetEvent<"touch">, { name, buffer, target }: Reached, verdict: Verdict): void {
  if (buffer.storage === null) return;
  verdict.exercised();
  if (target !== buffer.storage)
    verdict.violated(
      `${by} reaches ${target}; ${name} is in ${buffer.storage} now`,
      verdict.since("buffers", name, "storage"),
    );
}
