import type { CallEvent } from "../../event.ts";
import { addedOperation } from "../../operations/added.ts";
import type { State, TaskState } from "../state.ts";
import { observeCpuCall } from "./cpu.ts";
import { polledBuffer, syncFileClosed } from "./sync.ts";
import { addEntry } from "./entries.ts";
import { frameOf } from "../state.ts";
import { changesAccess, reservationOf, taskOf } from "./rows.ts";
import { accessCalled, invalidateCalled } from "./access.ts";
import { observeFaultCall } from "./faults.ts";
import { observeSpaceCall } from "./spaces.ts";

/** The operation of a contract beside the core that the task is in: what is made there is not the program's own. */
function addedFrame({ added }: State, task: TaskState): string | null {
  if (added === null) return null;
  return task.frames.find((frame) => frame.kind === "call" && addedOperation(frame.op) !== undefined)?.step ?? null;
}

/** An operation begins: its frame opens, and what its mere beginning decides takes effect. */
export function observeCall(state: State, event: CallEvent): void {
  const task = taskOf(state, event.task);
  switch (event.op) {
    case "attach":
      state.attachments.set(event.attachment, {
        buffer: event.buffer ?? "",
        importer: event.importer,
        device: event.device ?? "",
        ops: event.ops,
        allowPeer2peer: event.allowPeer2peer,
        peer2peer: event.allowPeer2peer,
        phase: "attaching",
        listed: false,
        hooked: false,
        pins: 0,
        hookPins: 0,
        maps: [],
        hookMaps: [],
        pendingTables: [],
        invalidations: 0,
        stopped: false,
        import:
          frameOf(task, "import")?.import ??
          frameOf(task, "mirror")?.mirror ??
          frameOf(task, "bindSlot")?.slot ??
          addedFrame(state, task),
      });
      break;
    case "detach": {
      const attachment = event.attachment === null ? undefined : state.attachments.get(event.attachment);
      if (attachment !== undefined && attachment.buffer === event.buffer) attachment.phase = "detaching";
      break;
    }
    case "invalidate":
      invalidateCalled(state, event);
      break;
    case "put": {
      const buffer = state.buffers.get(event.buffer);
      if (buffer === undefined) break;
      buffer.refs -= 1;
      if (event.by === "program") buffer.programRefs -= 1;
      break;
    }
    case "unmap":
    case "unmapUnlocked": {
      const mapping = event.mapping === null ? undefined : state.mappings.get(event.mapping);
      if (mapping === undefined || !mapping.live) break;
      mapping.live = false;
      const attachment = state.attachments.get(mapping.attachment);
      if (attachment !== undefined) attachment.maps = attachment.maps.filter((name) => name !== event.mapping);
      break;
    }
    case "unpin": {
      const attachment = state.attachments.get(event.attachment);
      if (attachment !== undefined) attachment.pins -= 1;
      break;
    }
    case "addFence": {
      addEntry(state, reservationOf(state, event.resv), event.fence, event.usage);
      const submit = frameOf(task, "submit");
      if (submit === undefined) break;
      state.jobs.get(submit.job)?.fences.push(event.fence);
      const fence = state.fences.get(event.fence);
      if (fence !== undefined) fence.job = submit.job;
      break;
    }
    case "replaceFences": {
      const resv = reservationOf(state, event.resv);
      resv.entries = resv.entries.map((entry) =>
        state.fences.get(entry.fence)?.context === event.context ? { fence: event.fence, usage: event.usage } : entry,
      );
      const fence = state.fences.get(event.fence);
      if (fence !== undefined) fence.published = true;
      break;
    }
    case "fencePut": {
      const fence = state.fences.get(event.fence);
      if (fence === undefined) break;
      fence.refs -= 1;
      if (event.by === "program") fence.programRefs -= 1;
      break;
    }
    case "setError": {
      const fence = state.fences.get(event.fence);
      if (fence !== undefined) fence.error = event.error;
      break;
    }
    case "addCallback":
      // Pending from the call on: the callback may run before the call has returned.
      if (event.fence !== null && event.callback !== null)
        state.callbacks.set(event.callback, {
          fence: event.fence,
          by: event.by,
          state: "pending",
          poll: polledBuffer(state, event.task),
        });
      break;
    case "endSignalling":
      task.signalling.pop();
      break;
    case "import":
      state.imports.set(event.import, {
        importer: event.importer,
        buffer: event.buffer,
        attachment: null,
        phase: "importing",
      });
      break;
    case "submit":
      state.jobs.set(event.job, {
        importer: event.importer,
        imports: event.uses.map((use) => use.import),
        fences: [],
        phase: "submitting",
      });
      break;
    case "acquireInit":
      state.acquires.set(event.acquire, {
        task: event.task,
        stamp: (state.clock += 1),
        held: [],
        contended: null,
        phase: "acquiring",
      });
      break;
    case "acquireDone": {
      const acquire = state.acquires.get(event.acquire);
      if (acquire !== undefined) acquire.phase = "done";
      break;
    }
    case "acquireFini": {
      const acquire = state.acquires.get(event.acquire);
      if (acquire !== undefined) acquire.phase = "fini";
      break;
    }
    case "endCpu":
    case "ioctlSync":
    case "vunmap":
    case "vunmapUnlocked":
    case "munmap":
      observeCpuCall(state, event);
      break;
    case "closeSyncFile":
      syncFileClosed(state, event);
      break;
    case "interrupt":
      taskOf(state, event.target).interrupted = true;
      break;
    default:
      if (changesAccess(event)) accessCalled(state, event);
      else {
        observeSpaceCall(state, event);
        observeFaultCall(state, event);
      }
      break;
  }
  task.frames.push(event);
}
