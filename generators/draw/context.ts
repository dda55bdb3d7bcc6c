import type { ClassifyContext } from "../../spec/operations/classify/context.ts";
import type { OperationName, StepArgs } from "../../spec/operations/operations.ts";
import type { ObjectKind } from "../../spec/operations/define.ts";
import type { FenceState } from "../../spec/state/state.ts";
import type { Random } from "../random.ts";

/** What a draw may look at. */
export interface DrawContext extends ClassifyContext {
  readonly random: Random;
  readonly task: string;
  /** All tasks of the program. */
  readonly tasks: readonly string[];
  /** A fresh name for an object of this kind. */
  name(kind: ObjectKind): string;
  /** The task's innermost open signalling section. */
  readonly openSection: string | null;
  /** Draw a call that the contract refuses. */
  readonly refused: boolean;
  /** Draw misuse that the kernel reports. */
  readonly misuse: boolean;
}

/** Draws the arguments of one operation, or null where there is nothing sensible to draw. */
export type Draw<K extends OperationName> = (context: DrawContext) => StepArgs<K> | null;

export type Draws<K extends OperationName> = { readonly [P in K]: Draw<P> };

/** A random name among the rows that pass. */
export function pickRow<R>(
  random: Random,
  rows: ReadonlyMap<string, R>,
  passes: (row: R, name: string) => boolean,
): string | null {
  let count = 0;
  let chosen: string | null = null;
  for (const [name, row] of rows) {
    if (!passes(row, name)) continue;
    count += 1;
    if (random.below(count) === 0) chosen = name;
  }
  return chosen;
}

/** A buffer the program holds a reference to. */
export function pickBuffer({ state, random }: DrawContext): string | null {
  return pickRow(random, state.buffers, (row) => !row.released && row.programRefs > 0);
}

/** A fence of the program's. */
export function pickFence({ state, random }: DrawContext, passes?: (fence: FenceState) => boolean): string | null {
  return pickRow(
    random,
    state.fences,
    (row) => row.by === "program" && row.programRefs > 0 && !row.released && (passes === undefined || passes(row)),
  );
}

/** A scripted importer's attachment; under `resv` only those whose buffer has that lock. */
export function pickAttachment({ state, random }: DrawContext, resv?: string): string | null {
  return pickRow(
    random,
    state.attachments,
    (row) =>
      row.phase === "attached" &&
      row.import === null &&
      (resv === undefined || state.buffers.get(row.buffer)?.resv === resv),
  );
}

/** A reservation lock the task holds. */
export function heldLock({ state, random, task }: DrawContext): string | null {
  const all = state.tasks.get(task)?.held;
  if (all === undefined || all.length === 0) return null;
  const held = all.filter((entry) => entry.lockClass === "reservation");
  return held.length === 0 ? null : random.pick(held).lock;
}

/** Any reservation object that exists. */
export function pickReservation({ state, setup, random }: DrawContext): string | null {
  const names = [...setup.reservations];
  for (const buffer of state.buffers.values())
    if (!buffer.released && buffer.programRefs > 0) names.push(buffer.resv, buffer.resv);
  return names.length === 0 ? null : random.pick(names);
}

export const pickUsage = ({ random }: DrawContext) => random.pick(["kernel", "write", "read", "bookkeep"] as const);

/** Directions that a mapping may have. */
export const pickDirection = ({ random }: DrawContext) =>
  random.pick(["bidirectional", "bidirectional", "toDevice", "fromDevice"] as const);
