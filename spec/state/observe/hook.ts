import type { CbEvent, CbRetEvent } from "../../event.ts";
import { frameOf, type AttachmentState, type State } from "../state.ts";
import { pollArmed } from "./sync.ts";
import { observeListInvalidate } from "./faults.ts";
import { closeFrame, taskOf } from "./rows.ts";

/** A hook or callback begins or ends. */
export function observeHook(state: State, event: CbEvent | CbRetEvent): void {
  const task = taskOf(state, event.task);
  if (event.kind === "cb") {
    observeBegin(state, event);
    task.frames.push(event);
    return;
  }
  closeFrame(task, event.cb);
  observeEnd(state, event);
}

function observeBegin(state: State, event: CbEvent): void {
  switch (event.hook) {
    case "release": {
      const buffer = state.buffers.get(event.buffer);
      if (buffer === undefined) return;
      buffer.released = true;
      buffer.releases += 1;
      return;
    }
    case "invalidate": {
      observeListInvalidate(state, event);
      const attachment = state.attachments.get(event.attachment);
      if (attachment === undefined) return;
      for (const name of attachment.maps) {
        const mapping = state.mappings.get(name);
        if (mapping !== undefined) mapping.stale = true;
      }
      if (attachment.pendingTables.length > 0)
        attachment.pendingTables = attachment.pendingTables.map((pending) => ({ ...pending, stale: true }));
      return;
    }
    case "unmap": {
      const attachment = state.attachments.get(event.attachment);
      if (attachment === undefined) return;
      const index = attachment.hookMaps.findIndex((entry) => entry.table === event.table);
      if (index >= 0) attachment.hookMaps.splice(index, 1);
      return;
    }
    case "unpin": {
      const attachment = state.attachments.get(event.attachment);
      if (attachment !== undefined) attachment.hookPins -= 1;
      return;
    }
    case "detach": {
      const attachment = state.attachments.get(event.attachment);
      if (attachment !== undefined) attachment.hooked = false;
      return;
    }
    case "enableSignaling": {
      const fence = state.fences.get(event.fence);
      if (fence === undefined) return;
      fence.enabled = true;
      fence.enables += 1;
      return;
    }
    case "callback": {
      const callback = state.callbacks.get(event.callback);
      if (callback !== undefined) callback.state = "running";
      return;
    }
    default:
      return;
  }
}

function observeEnd(state: State, event: CbRetEvent): void {
  switch (event.hook) {
    case "attach": {
      const attachment = state.attachments.get(event.attachment);
      if (attachment === undefined) return;
      attachment.hooked = event.errno === 0;
      attachment.peer2peer = event.peer2peer;
      return;
    }
    case "pin": {
      const attachment = state.attachments.get(event.attachment);
      if (attachment !== undefined && event.errno === 0) attachment.hookPins += 1;
      return;
    }
    case "map": {
      const attachment = state.attachments.get(event.attachment);
      if (attachment === undefined || event.errno !== 0 || event.table === null) return;
      attachment.hookMaps.push({ table: event.table, direction: event.direction });
      if (frameOf(state.tasks.get(event.task), "mapUnlocked") !== undefined) addPending(state, attachment, event);
      return;
    }
    case "invalidate": {
      const attachment = state.attachments.get(event.attachment);
      if (attachment === undefined) return;
      attachment.invalidations += 1;
      grantGrace(state, attachment);
      return;
    }
    case "vmap":
    case "vunmap": {
      const buffer = state.buffers.get(event.buffer);
      if (buffer !== undefined && event.errno === 0) buffer.vmapHooked = event.hook === "vmap";
      return;
    }
    case "callback": {
      const callback = state.callbacks.get(event.callback);
      if (callback !== undefined) callback.state = "ran";
      pollArmed(state, event.callback, -1);
      return;
    }
    default:
      return;
  }
}

/** Stale mappings may be used until the fences present now have signaled (T-01). */
function grantGrace(state: State, attachment: AttachmentState): void {
  const buffer = state.buffers.get(attachment.buffer);
  const entries = buffer === undefined ? undefined : state.reservations.get(buffer.resv)?.entries;
  const pending = (entries ?? [])
    .map((entry) => entry.fence)
    .filter((name) => state.fences.get(name)?.signaled === false);
  for (const name of attachment.maps) {
    const mapping = state.mappings.get(name);
    if (mapping !== undefined && mapping.grace === null) mapping.grace = pending;
  }
  if (attachment.pendingTables.length > 0)
    attachment.pendingTables = attachment.pendingTables.map((table) => ({ ...table, grace: table.grace ?? pending }));
}

/** The lock is released before the importer gets the table: a move may come between. */
function addPending(state: State, attachment: AttachmentState, event: CbRetEvent<"map">): void {
  const epoch = state.buffers.get(attachment.buffer)?.epoch ?? 0;
  const pending = { table: event.table ?? "", task: event.task, epoch, stale: false, grace: null };
  attachment.pendingTables = [...attachment.pendingTables, pending];
}
