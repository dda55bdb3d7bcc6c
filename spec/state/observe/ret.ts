import type { FenceHook } from "../../calls.ts";
import type { RetEvent } from "../../event.ts";
import type { AttachmentState, BufferState, FenceState, State } from "../state.ts";
import { accessReturned } from "./access.ts";
import { observeCpuRet } from "./cpu.ts";
import { listsAfterAdd, listsAfterCopy, listsAfterReplace, listsAfterReserve, listsAfterWalk } from "./lists.ts";
import { observeFaultRet } from "./faults.ts";
import { observeSpaceRet } from "./spaces.ts";
import { pollArmed, syncFileMade } from "./sync.ts";
import { closeFrame, isContested, reservationOf, taskOf } from "./rows.ts";

/** An operation returns: its frame closes, and its result takes effect. */
export function observeRet(state: State, event: RetEvent): void {
  const task = taskOf(state, event.task);
  closeFrame(task, event.call);
  const ok = event.errno === 0;
  switch (event.op) {
    case "export":
      if (!ok) return;
      addBuffer(state, event);
      if (event.resv !== null) reservationOf(state, event.resv);
      return;
    case "exportFd":
      if (!ok) return;
      state.fds.set(event.fd, { buffer: event.buffer, open: true });
      ownReference(state.buffers.get(event.buffer), -1);
      return;
    case "requestFd":
      // On success the descriptor took the program's reference over; otherwise the exporter had to drop it.
      if (!ok) ownReference(state.buffers.get(event.buffer), -1);
      return;
    case "close": {
      const row = state.fds.get(event.fd);
      if (!ok || row === undefined) return;
      row.open = false;
      const buffer = state.buffers.get(row.buffer);
      if (buffer !== undefined) buffer.refs -= 1;
      return;
    }
    case "get": {
      const buffer = event.buffer === null ? undefined : state.buffers.get(event.buffer);
      if (!ok || buffer === undefined) return;
      buffer.refs += 1;
      if (event.by === "program") ownReference(buffer, 1);
      return;
    }
    case "getRef": {
      const buffer = state.buffers.get(event.buffer);
      if (buffer === undefined) return;
      buffer.refs += 1;
      if (event.by === "program") ownReference(buffer, 1);
      return;
    }
    case "listBuffers":
      for (const name of event.buffers) {
        const buffer = state.buffers.get(name);
        if (buffer === undefined) continue;
        buffer.refs += 1;
        if (event.by === "program") ownReference(buffer, 1);
      }
      return;
    case "setName": {
      const buffer = state.buffers.get(event.buffer);
      if (ok && buffer !== undefined) buffer.name = event.name;
      return;
    }
    case "attach": {
      const attachment = state.attachments.get(event.attachment);
      if (attachment === undefined) return;
      attachment.phase = ok ? "attached" : "failed";
      attachment.peer2peer = event.peer2peer;
      const imported = attachment.import === null ? undefined : state.imports.get(attachment.import);
      if (ok && imported !== undefined) imported.attachment = event.attachment;
      return;
    }
    case "detach": {
      const attachment = event.attachment === null ? undefined : state.attachments.get(event.attachment);
      if (attachment?.phase !== "detaching") return;
      attachment.phase = "detached";
      attachment.hooked = false;
      return;
    }
    case "pin": {
      const attachment = state.attachments.get(event.attachment);
      if (ok && attachment !== undefined) attachment.pins += 1;
      return;
    }
    case "map":
    case "mapUnlocked":
      if (ok && event.attachment !== null) addMapping(state, event, event.attachment);
      if (event.op === "mapUnlocked" && event.attachment !== null) forgetPending(state, event.task, event.attachment);
      return;
    case "revoke":
    case "unrevoke":
    case "revokeForever":
    case "reset":
    case "setMemory":
      accessReturned(state, event);
      return;
    case "closeDevice":
      if (!ok) return;
      accessReturned(state, event);
      state.exporters.set(event.exporter, {
        memory: state.exporters.get(event.exporter)?.memory ?? true,
        closed: true,
      });
      return;
    case "reserveFences": {
      const resv = reservationOf(state, event.resv);
      if (ok) resv.slots = Math.max(resv.slots, event.count);
      listsAfterReserve(state, event);
      return;
    }
    case "addFence":
      listsAfterAdd(state, event);
      return;
    case "replaceFences":
      listsAfterReplace(state, event);
      return;
    case "copyFences":
      if (ok) copyEntries(state, event.destination, event.source);
      listsAfterCopy(state, event);
      return;
    case "iterateFences":
      listsAfterWalk(state, event);
      return;
    case "fenceInit":
      state.fences.set(event.fence, newFence(event, event.seqno, event.seqno64, event.hooks));
      return;
    case "fenceGet": {
      takeReference(state.fences.get(event.fence), event.by);
      return;
    }
    case "fenceGetLive": {
      if (event.answer) takeReference(state.fences.get(event.fence), event.by);
      return;
    }
    case "getFences":
      for (const name of event.fences) {
        takeReference(state.fences.get(name), event.by);
      }
      return;
    case "getSingleton": {
      if (event.fence !== null) takeReference(state.fences.get(event.fence), event.by);
      return;
    }
    case "createArray": {
      if (!event.created) return;
      for (const name of event.members) dropReference(state.fences.get(name), event.by);
      state.fences.set(event.fence, {
        ...newFence(event, event.seqno, false, noHooks),
        kind: "array",
        members: event.members,
        signalOnAny: event.signalOnAny,
      });
      return;
    }
    case "createChain": {
      if (!event.created) return;
      dropReference(event.previous === null ? undefined : state.fences.get(event.previous), event.by);
      dropReference(state.fences.get(event.contained), event.by);
      state.fences.set(event.fence, {
        ...newFence(event, event.number, true, noHooks),
        kind: "chain",
        members: [event.contained],
        previous: event.previous,
      });
      return;
    }
    case "findSeqno":
      if (event.found !== null) takeReference(state.fences.get(event.found), event.by);
      return;
    case "merge": {
      const known = event.merged === null ? undefined : state.fences.get(event.merged);
      if (known !== undefined) takeReference(known, event.by);
      else if (event.merged !== null)
        state.fences.set(event.merged, {
          ...newFence(event, event.number, false, noHooks),
          kind: event.members.length > 0 ? "array" : "plain",
          members: event.members,
          signaled: event.time !== null,
          time: event.time ?? 0,
        });
      return;
    }
    case "addCallback": {
      const row = event.callback === null ? undefined : state.callbacks.get(event.callback);
      if (!ok && row?.state === "pending") row.state = "removed";
      if (ok) pollArmed(state, event.callback, 1);
      return;
    }
    case "removeCallback": {
      const row = state.callbacks.get(event.callback);
      if (event.answer && row !== undefined) row.state = "removed";
      return;
    }
    case "beginSignalling":
      task.signalling.push(event.cookie);
      return;
    case "createSyncFile":
    case "exportSyncFile":
    case "mergeSyncFiles":
      syncFileMade(state, event);
      return;
    case "beginCpu":
    case "endCpu":
    case "ioctlSync":
    case "vmap":
    case "vmapUnlocked":
    case "mmap":
    case "mmapFd":
      observeCpuRet(state, event);
      return;
    case "import": {
      const row = state.imports.get(event.import);
      if (row !== undefined) row.phase = ok ? "live" : "failed";
      return;
    }
    case "release": {
      const row = state.imports.get(event.import);
      if (row !== undefined) row.phase = "released";
      return;
    }
    case "submit": {
      const job = state.jobs.get(event.job);
      if (job === undefined || job.phase === "ended") return;
      // What never went to a device was over when its submit returned.
      const accepted = job.phase === "started" ? "running" : "ended";
      job.phase = ok ? accepted : "refused";
      return;
    }
    default:
      observeSpaceRet(state, event);
      observeFaultRet(state, event);
      return;
  }
}

/** Exported while the memory is off: revoked from the start. */
function addBuffer(state: State, event: RetEvent<"export">): void {
  const buffer = newBuffer(event);
  state.buffers.set(event.buffer, buffer);
  if (state.exporters.get(event.exporter)?.memory === false) buffer.access = "revoked";
  if (!isContested(state, buffer, event.buffer)) return;
  buffer.contested = true;
  buffer.access = "changing";
}

function newBuffer(event: RetEvent<"export">): BufferState {
  return {
    exporter: event.exporter,
    size: event.size,
    resv: event.resv ?? `${event.buffer}.resv`,
    refs: 1,
    programRefs: 1,
    released: false,
    releases: 0,
    access: "accessible",
    contested: false,
    epoch: 0,
    storage: null,
    dynamic: event.pin,
    caching: event.caching,
    hasAttach: event.attach,
    hasDetach: event.detach,
    listed: [],
    name: null,
    cpuHooks: event.cpuHooks,
    brackets: [],
    vmaps: 0,
    vmapHooked: false,
    keepers: 0,
  };
}

function ownReference(buffer: BufferState | undefined, change: 1 | -1): void {
  if (buffer !== undefined) buffer.programRefs += change;
}

const noHooks: readonly FenceHook[] = [];

function newFence(
  event: { readonly context: number; readonly by: string; readonly step: string | null },
  seqno: number,
  seqno64: boolean,
  hooks: readonly FenceHook[],
): FenceState {
  return {
    context: event.context,
    seqno,
    seqno64,
    by: event.by,
    step: event.step,
    kind: "plain",
    members: [],
    signalOnAny: false,
    previous: null,
    hooks,
    signaled: false,
    error: 0,
    time: 0,
    enabled: false,
    enables: 0,
    refs: 1,
    programRefs: event.by === "program" ? 1 : 0,
    released: false,
    published: false,
    job: null,
  };
}

function takeReference(fence: FenceState | undefined, by: string): void {
  if (fence === undefined) return;
  fence.refs += 1;
  if (by === "program") fence.programRefs += 1;
}

function dropReference(fence: FenceState | undefined, by: string): void {
  if (fence === undefined) return;
  fence.refs -= 1;
  if (by === "program") fence.programRefs -= 1;
}

function addMapping(state: State, event: RetEvent<"map" | "mapUnlocked">, attachmentName: string): void {
  const attachment: AttachmentState | undefined = state.attachments.get(attachmentName);
  if (attachment === undefined) return;
  attachment.maps.push(event.mapping);
  const pending = attachment.pendingTables.find(({ task, table }) => task === event.task && table === event.table);
  state.mappings.set(event.mapping, {
    attachment: attachmentName,
    buffer: attachment.buffer,
    direction: event.direction,
    table: event.table ?? "",
    epoch: pending?.epoch ?? state.buffers.get(attachment.buffer)?.epoch ?? 0,
    segments: event.segments,
    live: true,
    stale: pending?.stale ?? false,
    grace: pending?.grace ?? null,
  });
}

function forgetPending(state: State, task: string, attachmentName: string): void {
  const attachment = state.attachments.get(attachmentName);
  if (attachment === undefined || attachment.pendingTables.length === 0) return;
  attachment.pendingTables = attachment.pendingTables.filter((pending) => pending.task !== task);
}

function copyEntries(state: State, destination: string, source: string): void {
  const entries = reservationOf(state, source).entries.filter(
    (entry) => state.fences.get(entry.fence)?.signaled !== true,
  );
  const resv = reservationOf(state, destination);
  resv.entries = entries;
  resv.slots = 0;
  for (const entry of entries) {
    const fence = state.fences.get(entry.fence);
    if (fence !== undefined) fence.published = true;
  }
}
