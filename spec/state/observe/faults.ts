import type { CallEvent, CbEvent, RetEvent } from "../../event.ts";
import type { MappingModel } from "../../roles/mapping-model.ts";
import { frameOf, type State } from "../state.ts";

/** The slot that a task binds or serves. */
function slotAtWork(state: State, task: string): string | undefined {
  const row = state.tasks.get(task);
  return frameOf(row, "bindSlot")?.slot ?? frameOf(row, "guestAccess")?.slot;
}

/** A call about faults, slots, lists or negotiation begins; an attach inside it belongs to a slot. */
export function observeFaultCall(state: State, event: CallEvent): void {
  switch (event.op) {
    case "bindSlot": {
      const { importer, buffer, offset, length, owner } = event;
      state.slots.set(event.slot, {
        importer,
        buffer,
        offset,
        length,
        owner,
        phase: "binding",
        attachment: null,
        table: null,
      });
      return;
    }
    case "unbindSlot": {
      const slot = state.slots.get(event.slot);
      if (slot !== undefined) slot.phase = "ended";
      return;
    }
    case "unmapPhysical":
      state.physicalLists.delete(event.attachment);
      return;
    case "install":
    case "zap":
      noteTable(state, event);
      return;
    default:
      return;
  }
}

/** A table belongs to the slot or the import on whose behalf it is first written: never to one that is told to let go. */
function noteTable(state: State, event: CallEvent<"install" | "zap">): void {
  const frames = state.tasks.get(event.task)?.frames ?? [];
  if (frames.some((frame) => frame.kind === "cb" && frame.hook === "invalidate")) return;
  const slot = state.slots.get(slotAtWork(state, event.task) ?? "");
  if (slot !== undefined) slot.table ??= event.table;
  const imported = frameOf(state.tasks.get(event.task), "import")?.import;
  if (imported !== undefined && !state.demandTables.has(imported))
    state.demandTables.set(imported, { table: event.table, importer: event.by });
}

/** Such a call returns. */
export function observeFaultRet(state: State, event: RetEvent): void {
  switch (event.op) {
    case "negotiate": {
      if (event.errno !== 0 || event.model === null) return;
      state.agreements.set(event.attachment, { model: event.model as MappingModel, importer: event.importer });
      const slot = state.slots.get(frameOf(state.tasks.get(event.task), "bindSlot")?.slot ?? "");
      if (slot !== undefined) slot.attachment = event.attachment;
      return;
    }
    case "mapPhysical":
      if (event.errno === 0)
        state.physicalLists.set(event.attachment, { storage: event.storage, write: event.write, stale: false });
      return;
    case "bindSlot": {
      const slot = state.slots.get(event.slot);
      if (slot !== undefined) slot.phase = event.errno === 0 ? "live" : "failed";
      return;
    }
    case "makePrivate":
      if (event.errno === 0) rightsOf(state, event.buffer).owner = event.owner;
      return;
    case "restrict":
      if (event.errno === 0) rightsOf(state, event.buffer).write = event.write;
      return;
    default:
      return;
  }
}

function rightsOf(state: State, buffer: string) {
  let row = state.rights.get(buffer);
  if (row === undefined) state.rights.set(buffer, (row = { owner: null, write: true }));
  return row;
}

/** The callback of an attachment begins: its list is no longer to be relied on. */
export function observeListInvalidate(state: State, event: CbEvent<"invalidate">): void {
  const list = state.physicalLists.get(event.attachment);
  if (list !== undefined) list.stale = true;
}
