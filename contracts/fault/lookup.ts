import type { CallEvent } from "../../spec/event.ts";
import { frameOf, type EntryState, type SlotState, type State } from "../../spec/state/state.ts";

/** What brings faults, moves and revokes together. */
export const faulting = {
  export: 6,
  import: 10,
  fault: 20,
  prefetch: 5,
  submit: 5,
  move: 5,
  revoke: 2,
  unrevoke: 3,
} as const;

/** What brings guests and memory of a device together. */
export const guestWorld = { export: 8, bindSlot: 12, guestAccess: 25, revoke: 3, unrevoke: 4 } as const;

/** A call in which a device's fault is served. */
export type FaultCall = CallEvent<"fault"> | CallEvent<"prefetch"> | CallEvent<"submit">;

/** The innermost such call of a task. */
export function faultCallOf(state: State, task: string): FaultCall | undefined {
  const row = state.tasks.get(task);
  return frameOf(row, "fault") ?? frameOf(row, "prefetch") ?? frameOf(row, "submit");
}

/** The import whose device table this is. */
export function importOfTable(state: State, table: string): string | undefined {
  for (const [name, row] of state.demandTables) if (row.table === table) return name;
  return undefined;
}

/** The slot whose device table this is. */
export function slotOfTable(state: State, table: string): SlotState | undefined {
  for (const row of state.slots.values()) if (row.table === table) return row;
  return undefined;
}

/** Entries of a device table. */
export function entriesOf(state: State, table: string | null): readonly EntryState[] {
  return [...state.entries.values()].filter((entry) => entry.table === table);
}

/** Tables that are filled through an attachment. */
export function tablesOf(state: State, attachment: string): readonly string[] {
  const found: string[] = [];
  for (const slot of state.slots.values())
    if (slot.table !== null && slot.attachment === attachment) found.push(slot.table);
  const imported = state.attachments.get(attachment)?.import ?? "";
  const table = state.demandTables.get(imported)?.table;
  if (table !== undefined) found.push(table);
  return found;
}

/** Somebody is just changing whose memory it is. */
export function isChangingHands(state: State, buffer: string): boolean {
  for (const task of state.tasks.values())
    if (task.frames.some((frame) => frame.kind === "call" && frame.op === "makePrivate" && frame.buffer === buffer))
      return true;
  return false;
}
